"""From an OpenAI-shaped error to a typed one, leaving out what must not be repeated."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from anabranch.upstreams.errors import (
    BadReply,
    BadRequest,
    ContextTooLong,
    EmptyAnswer,
    Overloaded,
    RateLimited,
    TimedOut,
    Unauthorised,
    UnknownModel,
    UpstreamError,
)
from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Request

Asked = Request | TextRequest

MAX_MESSAGE = 200
PROMPT_FRAGMENT = 12
KEY_FRAGMENT = 6

KEY_LIKE = re.compile(
    r"(?i)\bbearer\s+\S+|\b(?:sk|pk|rk|hf|gsk|xai|key|api)[-_][\w*.-]{4,}|[\w-]*\*{3,}[\w-]*|[\w-]{32,}"
)
CONTEXT_CODES = ("context_length_exceeded", "exceed_context_size_error")
NAMED_KINDS: dict[str, type[UpstreamError]] = {
    "overloaded_error": Overloaded,
    "server_error": Overloaded,
    "rate_limit_error": RateLimited,
    "rate_limit_exceeded": RateLimited,
    **dict.fromkeys(CONTEXT_CODES, ContextTooLong),
}
CONTEXT_WORDS = re.compile(r"(?i)context (?:length|window|size)|prompt is too long|too many tokens")


def refusal(
    upstream: str,
    request: Asked,
    api_key: str | None,
    status: int,
    error: Mapping[str, Any],
    retry_after_s: float | None = None,
) -> UpstreamError:
    """The error that a status and an OpenAI error object (`message`, `type`, `code`) stand for.

    >>> print(refusal("cheap", Request("tiny", ()), None, 404, {"message": "no"}))
    upstream 'cheap' answered 404 to model 'tiny', saying: no; check the model's name and base_url
    """
    kind = kind_of(status, error)
    # services repeat the key, half masked, when they refuse it
    said = "" if kind is Unauthorised else quotable(error.get("message"), request, api_key)
    what = f"answered {status} to model {request.model!r}" + (f", saying: {said}" if said else "")
    return kind(upstream, what, status=status, retry_after_s=retry_after_s)


def kind_of(status: int, error: Mapping[str, Any]) -> type[UpstreamError]:
    """Which error: by the status, and among 4xx by what the error object names."""
    if status in (401, 403):
        return Unauthorised
    if status == 429:
        return RateLimited
    if status in (408, 504):
        return TimedOut
    if status >= 500:
        return EmptyAnswer if EmptyAnswer.code in _names(error) else Overloaded
    return _kind_by_name(error) if status < 400 else _kind_of_4xx(status, error)


def _kind_by_name(error: Mapping[str, Any]) -> type[UpstreamError]:
    for name in _names(error):
        if name in NAMED_KINDS:
            return NAMED_KINDS[name]
    return BadReply


def _kind_of_4xx(status: int, error: Mapping[str, Any]) -> type[UpstreamError]:
    names = set(_names(error))
    if status == 404 or "model_not_found" in names:
        return UnknownModel
    if status == 413 or names.intersection(CONTEXT_CODES) or CONTEXT_WORDS.search(str(error.get("message"))):
        return ContextTooLong
    return BadRequest


def _names(error: Mapping[str, Any]) -> list[str]:
    return [str(error.get("code")), str(error.get("type"))]


def quotable(message: object, request: Asked, api_key: str | None) -> str:
    """An upstream's message in at most 200 characters; empty if it repeats part of the key or of the prompt.

    >>> quotable("cannot parse 'my grandmother is ill'", Request("m", ({"content": "my grandmother is ill"},)), None)
    ''
    >>> quotable("wrong key sk-12345678", Request("m", ()), None)
    'wrong key [removed]'
    """
    if not isinstance(message, str):
        return ""
    if any(repeats(message, text, PROMPT_FRAGMENT) for text in _private(request)):
        return ""
    if api_key and repeats(message, api_key, KEY_FRAGMENT):
        return ""
    return " ".join(KEY_LIKE.sub("[removed]", message).split())[:MAX_MESSAGE]


def _private(request: Asked) -> list[str]:
    """What a message must not repeat."""
    if not isinstance(request, TextRequest):
        return [*texts((request.messages, request.extra))]
    prompt = request.prompt if isinstance(request.prompt, str) else ", ".join(map(str, request.prompt))
    return [prompt, *texts(request.extra)]


def repeats(message: str, text: str, length: int) -> bool:
    """Whether `message` holds `length` characters in a row of `text`, or all of a shorter text.

    >>> repeats("you said abcdef", "xxabcdefxx", 6), repeats("you said abcdef", "xxabcdeXfxx", 6)
    (True, False)
    """
    if len(text) <= length:
        return bool(text.strip()) and text in message
    return any(message[start : start + length] in text for start in range(len(message) - length + 1))


def texts(value: object) -> Iterator[str]:
    """Every string inside a JSON-like value but keys and roles.

    >>> list(texts([{"role": "user", "content": [{"text": "hi"}]}, 3]))
    ['hi']
    """
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in ("role", "type"):
                yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
