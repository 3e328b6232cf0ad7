"""The upstream contract: a request in, a reply with its real usage out; whoever answers."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Usage:
    """Tokens as the upstream counted them; parts are included in their whole.

    Args:
        prompt_tokens: all of the prompt.
        completion_tokens: all of the completion.
        cached_tokens: of the prompt, read from a cache.
        cache_write_tokens: of the prompt, written to a cache.
        reasoning_tokens: of the completion, not shown.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0


@dataclass(frozen=True)
class TokenLogprob:
    """One token of a completion, its natural-log probability, the likeliest alternatives, and the models that chose it.

    `by` is empty but for a token that several models had a say in.
    """

    token: str
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Request:
    """A chat completion to ask for; None leaves a choice to the upstream.

    Args:
        model: name at the upstream.
        messages: OpenAI chat messages, never changed.
        max_tokens: of the completion.
        temperature: 0 = greedy.
        stop: strings that end the completion.
        seed: for upstreams that can repeat themselves.
        top_logprobs: alternatives wanted a token; None for no logprobs, 0 for those of the tokens alone.
        extra: any other field of the request body, passed through unread.
    """

    model: str
    messages: tuple[Mapping[str, Any], ...]
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    top_logprobs: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """A whole completion.

    Args:
        text: of the first choice; empty only with a finish reason that explains it, such as tool_calls.
        model: that really answered, as the upstream names it.
        finish_reason: stop, length, tool_calls or content_filter.
        usage: as counted by the upstream; None if it does not say, never a guess.
        latency_s: from sending to the last byte, retries included.
        logprobs: one entry a token, if asked for.
        attempts: requests sent, the successful one included.
        body: the upstream's answer as it came, for what this class does not name.
    """

    text: str
    model: str
    finish_reason: str
    usage: Usage | None
    latency_s: float
    logprobs: tuple[TokenLogprob, ...] = ()
    attempts: int = 1
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Chunk:
    """A piece of a streamed completion; the last one has a finish reason and, if the upstream tells, the usage."""

    text: str
    finish_reason: str | None = None
    usage: Usage | None = None
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Capabilities:
    """What an upstream can do, so that a router's mask can rule it out; None is not known, and rules nobody out.

    Args:
        context_window: prompt and completion tokens together.
        tools: function calling.
        vision: images in messages.
        json_mode: response_format.
        several: several answers a request, `n`.
        logprobs: of completion tokens.
        prompt_logprobs: of prompt tokens.
    """

    context_window: int | None = None
    tools: bool | None = None
    vision: bool | None = None
    json_mode: bool | None = None
    several: bool | None = None
    logprobs: bool | None = None
    prompt_logprobs: bool | None = None


class Upstream(Protocol):
    """Somebody who answers. One object serves many requests at once; errors are `UpstreamError`s."""

    @property
    def name(self) -> str:
        """What logs and errors call it; never a secret."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""

    async def complete(self, request: Request) -> Reply:
        """The whole answer."""

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces; ends with a chunk that has a finish reason, or with an error; closing it cancels."""

    async def close(self) -> None:
        """Let go of connections; requests in flight are cancelled."""
