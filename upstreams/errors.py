"""What can go wrong with an upstream, as types that say whether to try again.

UpstreamError
├── Unreachable         no connection, or one that broke before an answer     retryable
│   └── Closed          the client itself was closed
├── TimedOut            connecting, between two bytes, or in all              retryable
├── RateLimited         429                                                   retryable
├── Overloaded          5xx                                                   retryable
├── BadReply            an answer that cannot be used                         retryable
│   ├── EmptyAnswer     no text, no tool call, and no reason for that         not again
│   └── BadUsage        token counts that contradict themselves
└── BadRequest          4xx
    ├── Unauthorised    401, 403
    ├── UnknownModel    404
    └── ContextTooLong  prompt and completion do not fit the model
"""

from typing import Any, ClassVar

from anabranch.upstreams.upstream import Usage


class UpstreamError(Exception):
    """Why an upstream did not answer; the text never holds a key or a prompt.

    Args:
        upstream: its name.
        what: what it did, to follow the name in a sentence.
        status: HTTP status, if it came to that.
        retry_after_s: how long the upstream asked to be left alone.

    Attributes:
        attempts: requests of the call that went out, set by whoever made the call; 0 = none did.

    >>> print(RateLimited("cheap", "answered 429", status=429, retry_after_s=2.0))
    upstream 'cheap' answered 429; send fewer requests at once, or set requests_per_minute
    """

    retryable: ClassVar[bool] = False
    may_be_billed: ClassVar[bool] = False
    """Whether the upstream may have answered, and charge for it, although no answer arrived."""
    way_out: ClassVar[str] = "see the upstream's own log"

    def __init__(
        self, upstream: str, what: str, *, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"upstream {upstream!r} {what}; {self.way_out}")
        self.upstream = upstream
        self.status = status
        self.retry_after_s = retry_after_s
        self.attempts = 0

    @property
    def maybe_paid(self) -> int:
        """How many requests of the call the upstream may charge for, as far as its last error tells.

        >>> error = TimedOut("slow", "did not answer in time")
        >>> error.attempts = 3
        >>> error.maybe_paid
        3
        """
        return self.attempts if self.may_be_billed else 0


class Unreachable(UpstreamError):
    """Connection refused or reset, or host not found."""

    retryable = True
    may_be_billed = True  # a refused connection is no attempt
    way_out = "check that it runs and that base_url is right"


class Closed(Unreachable):
    """The client itself was closed."""

    retryable = False
    way_out = "make a new one"


class TimedOut(UpstreamError):
    """Too slow to connect, too long between two bytes, or too long in all."""

    retryable = True
    may_be_billed = True
    way_out = "raise the timeout or ask for fewer tokens"


class RateLimited(UpstreamError):
    """Status 429: too many requests or tokens."""

    retryable = True
    way_out = "send fewer requests at once, or set requests_per_minute"


class Overloaded(UpstreamError):
    """Status 5xx: the fault is on the upstream's side."""

    retryable = True
    way_out = "try later or fall back to another upstream"


class BadReply(UpstreamError):
    """Not JSON, no choices, or a stream cut short."""

    retryable = True
    may_be_billed = True
    way_out = "check that it speaks the OpenAI chat completions protocol, or fall back to another upstream"


class EmptyAnswer(BadReply):
    """The model wrote nothing and ended its answer; nobody is served that, but who measures models counts it as one.

    Asked again, it would be paid for again.

    Attributes:
        usage: what the upstream counted; None if it does not say.
    """

    retryable = False
    way_out = "ask otherwise, raise the temperature, or fall back to another upstream"
    code: ClassVar[str] = "upstream_empty_answer"
    """By which one of our servers tells a client of ours."""

    def __init__(
        self, upstream: str, what: str = "sent an empty answer", *, usage: Usage | None = None, **more: Any
    ) -> None:
        super().__init__(upstream, what, **more)
        self.usage = usage


class BadUsage(BadReply):
    """Negative or contradictory token counts; asked again, the answer would be paid for again."""

    retryable = False
    way_out = "its costs cannot be known; repair the upstream's token counts"


class BadRequest(UpstreamError):
    """Status 4xx: the same request would fail again."""

    way_out = "change the request"


class Unauthorised(BadRequest):
    """Status 401 or 403."""

    way_out = "check the API key and what it may use"


class UnknownModel(BadRequest):
    """Status 404: no such model, or no such address."""

    way_out = "check the model's name and base_url"


class ContextTooLong(BadRequest):
    """Prompt and max_tokens exceed the context window."""

    way_out = "shorten the prompt, lower max_tokens, or route to a model with a larger context window"
