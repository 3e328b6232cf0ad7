"""Token counts as the body of a chat completion states them, and back."""

from collections.abc import Mapping, Sequence
from typing import Any

from anabranch.upstreams.errors import BadUsage
from anabranch.upstreams.upstream import Usage


def read_usage(upstream: str, usage: object) -> Usage | None:
    """Usage of an OpenAI usage object; None if it does not count prompt and completion.

    Some services leave reasoning out of the completion but not out of the total. What the total has beyond prompt and
    completion is therefore completion that was not shown.

    Raises:
        BadUsage: a count that is no whole number of at least 0, or a part larger than its whole.

    >>> read_usage("x", {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 9}).completion_tokens
    6
    """
    counts = usage if isinstance(usage, Mapping) else {}
    if counts.get("prompt_tokens") is None or counts.get("completion_tokens") is None:
        return None
    prompt, shown = _count(upstream, counts, "prompt_tokens"), _count(upstream, counts, "completion_tokens")
    hidden = _count(upstream, counts, "total_tokens", prompt + shown) - prompt - shown
    read, out = _part(counts, "prompt_tokens_details"), _part(counts, "completion_tokens_details")
    written = "cache_write_tokens" if "cache_write_tokens" in read else "cache_creation_tokens"
    return _coherent(
        upstream,
        hidden,
        Usage(
            prompt_tokens=prompt,
            completion_tokens=shown + hidden,
            cached_tokens=_count(upstream, read, "cached_tokens"),
            cache_write_tokens=_count(upstream, read, written),
            reasoning_tokens=max(hidden, _count(upstream, out, "reasoning_tokens")),
        ),
    )


def _coherent(upstream: str, hidden: int, usage: Usage) -> Usage:
    if hidden < 0:
        raise BadUsage(upstream, "counted fewer tokens in total than in prompt and completion")
    if usage.cached_tokens + usage.cache_write_tokens > usage.prompt_tokens:
        raise BadUsage(upstream, f"counted more cached tokens than the {usage.prompt_tokens} of the prompt")
    if usage.reasoning_tokens > usage.completion_tokens:
        raise BadUsage(upstream, f"counted {usage.reasoning_tokens} reasoning tokens in {usage.completion_tokens}")
    return usage


def _part(counts: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = counts.get(name)
    return part if isinstance(part, Mapping) else {}


def _count(upstream: str, counts: Mapping[str, Any], name: str, missing: int = 0) -> int:
    value = counts.get(name)
    if value is None:
        return missing
    # True is an int to Python; the value is not repeated, since it may be any text
    if type(value) is not int or value < 0:
        raise BadUsage(upstream, f"sent {name} that is no whole number of at least 0")
    return value


def usage_body(usage: Usage) -> dict[str, Any]:
    """The OpenAI usage object.

    >>> usage_body(Usage(3, 2))["total_tokens"]
    5
    """
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def total_usage(usages: Sequence[Usage | None]) -> Usage | None:
    """The sum; None if one is not known.

    >>> total_usage([Usage(3, 2), Usage(1, 1)])
    Usage(prompt_tokens=4, completion_tokens=3, cached_tokens=0, cache_write_tokens=0, reasoning_tokens=0)
    """
    known = [usage for usage in usages if usage is not None]
    if len(known) < len(usages) or not known:
        return None
    return Usage(
        prompt_tokens=sum(usage.prompt_tokens for usage in known),
        completion_tokens=sum(usage.completion_tokens for usage in known),
        cached_tokens=sum(usage.cached_tokens for usage in known),
        cache_write_tokens=sum(usage.cache_write_tokens for usage in known),
        reasoning_tokens=sum(usage.reasoning_tokens for usage in known),
    )
