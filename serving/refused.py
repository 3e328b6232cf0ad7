"""Requests that get no answer: an HTTP status and an OpenAI error object, whatever went wrong."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from anabranch.upstreams.error_body import error_body
from anabranch.upstreams.errors import (
    BadReply,
    BadRequest,
    Closed,
    ContextTooLong,
    EmptyAnswer,
    Overloaded,
    RateLimited,
    TimedOut,
    Unauthorised,
    UnknownModel,
    Unreachable,
    UpstreamError,
)

INVALID = "invalid_request_error"


class Refused(Exception):
    """Why a client gets no answer; the text never holds a key or a prompt.

    Args:
        status: HTTP status.
        message: the value, the rule, the way out.
        param: the field at fault.
        code: what programs read.
        kind: the error object's `type`.
        retry_after_s: how long the client should wait.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        kind: str = INVALID,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.code, self.kind = status, param, code, kind
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, Any]:
        """The OpenAI error object."""
        return error_body(str(self), self.kind, self.param, self.code)

    @property
    def headers(self) -> Mapping[str, str]:
        """Retry-After in whole seconds, if the client should wait."""
        return {} if self.retry_after_s is None else {"retry-after": str(max(1, round(self.retry_after_s)))}


class Shape(NamedTuple):
    """How an upstream's error looks to the client."""

    status: int
    kind: str
    code: str | None


# the first that fits counts; a wrong key, model or address of an upstream is the gateway's fault, not the client's
SHAPES: dict[type[UpstreamError], Shape] = {
    RateLimited: Shape(429, "rate_limit_error", "rate_limit_exceeded"),
    TimedOut: Shape(504, "upstream_error", "upstream_timed_out"),
    Overloaded: Shape(503, "upstream_error", "upstream_overloaded"),
    Closed: Shape(503, "upstream_error", "upstream_closed"),
    Unreachable: Shape(502, "upstream_error", "upstream_unreachable"),
    EmptyAnswer: Shape(502, "upstream_error", EmptyAnswer.code),
    BadReply: Shape(502, "upstream_error", "upstream_bad_reply"),
    Unauthorised: Shape(502, "upstream_error", "upstream_refused_access"),
    UnknownModel: Shape(502, "upstream_error", "upstream_model_unknown"),
    ContextTooLong: Shape(400, INVALID, "context_length_exceeded"),
    BadRequest: Shape(400, INVALID, None),
    UpstreamError: Shape(502, "upstream_error", None),
}


def refused_by(error: UpstreamError) -> Refused:
    """What the client is told when an upstream fails.

    >>> refused_by(RateLimited("cheap", "answered 429", retry_after_s=2.4)).headers
    {'retry-after': '2'}
    """
    shape = next(shape for kind, shape in SHAPES.items() if isinstance(error, kind))
    param = "messages" if shape.code == "context_length_exceeded" else None
    return Refused(
        shape.status, str(error), param=param, code=shape.code, kind=shape.kind, retry_after_s=error.retry_after_s
    )


def unexpected() -> Refused:
    """What the client is told when the gateway itself fails; the reason is in its log."""
    return Refused(500, "the gateway failed; its log says where", kind="server_error", code="internal_error")


def stopping() -> Refused:
    """What the client is told when the server ends before its answer does."""
    return Refused(503, "the server is stopping; ask again", kind="server_error", code="server_stopping")
