"""What a ledger is told: a request is about to go out, was answered, or failed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

import orjson

from anabranch.data.token_signals import token_record
from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.upstream import Reply, TokenLogprob, Usage

Value = str | bytes | int | float | None


class Key(NamedTuple):
    """Which answer: one row of the ledger, one label."""

    prompt_id: str
    model: str
    sample: int


class Entry(Protocol):
    """What becomes of one row.

    Attributes:
        columns: that are set, beside those of the key.
        added: those of them that are added to what stands there.
    """

    columns: ClassVar[tuple[str, ...]]
    added: ClassVar[tuple[str, ...]]

    def values(self) -> Sequence[Value]:
        """The key, and what the columns are set to."""


@dataclass(frozen=True)
class Sent:
    """A request that goes out once this is committed.

    Args:
        key: the row.
        reserved_usd: the most that one request may cost; None if not known.
    """

    key: Key
    reserved_usd: float | None

    columns: ClassVar[tuple[str, ...]] = ("state", "reserved_usd", "attempts", "error", "error_text")
    added: ClassVar[tuple[str, ...]] = ()

    def values(self) -> Sequence[Value]:
        """The reservation; an earlier failure is forgotten."""
        return (*self.key, "sent", self.reserved_usd, None, None, None)


@dataclass(frozen=True)
class Done:
    """An answer; it is judged later.

    Args:
        key: the row.
        reply: what came back.
        cost_usd: None if not known.
        price_date: of the prices behind the cost.
    """

    key: Key
    reply: Reply
    cost_usd: float | None
    price_date: str | None

    columns: ClassVar[tuple[str, ...]] = (
        "state",
        "attempts",
        "response",
        "finish_reason",
        "resolved_model",
        "latency_s",
        "prompt_tokens",
        "completion_tokens",
        "cached_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "logprob_stats",
        "cost_usd",
        "price_date",
    )
    added: ClassVar[tuple[str, ...]] = ()

    def values(self) -> Sequence[Value]:
        """Everything that becomes a label but the verdict."""
        reply = self.reply
        return (
            *self.key,
            "done",
            reply.attempts,
            reply.text,
            reply.finish_reason,
            reply.model,
            reply.latency_s,
            *_counts(reply.usage),
            logprob_stats(reply.logprobs),
            self.cost_usd,
            self.price_date,
        )


@dataclass(frozen=True)
class Failed:
    """A call that ended in an error; its text holds neither prompt nor key.

    Args:
        key: the row.
        error: as the upstream's client raised it.
        reserved_usd: the most that one request may cost; None if not known.
    """

    key: Key
    error: UpstreamError
    reserved_usd: float | None

    columns: ClassVar[tuple[str, ...]] = (
        "state",
        "attempts",
        "error",
        "error_text",
        "maybe_paid",
        "maybe_paid_usd",
    )
    added: ClassVar[tuple[str, ...]] = ("maybe_paid", "maybe_paid_usd")

    @property
    def maybe_paid_usd(self) -> float | None:
        """The most that the call may have cost; None if not known.

        >>> error = UpstreamError("x", "answered 500")
        >>> Failed(Key("p", "m", 0), error, reserved_usd=None).maybe_paid_usd
        0.0
        """
        if self.error.maybe_paid == 0:
            return 0.0
        return None if self.reserved_usd is None else self.error.maybe_paid * self.reserved_usd

    def values(self) -> Sequence[Value]:
        """The error, and what may have been paid."""
        error = self.error
        told = (type(error).__name__, str(error))
        return (*self.key, "failed", error.attempts, *told, error.maybe_paid, self.maybe_paid_usd)


def _counts(usage: Usage | None) -> Sequence[Value]:
    if usage is None:
        return (None,) * 5
    return (
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )


def logprob_stats(logprobs: Sequence[TokenLogprob]) -> str | None:
    """How sure a model was of its answer, as JSON; None without log-probabilities.

    >>> logprob_stats([TokenLogprob("4", -0.25), TokenLogprob("!", -0.75)])[:49]
    '{"tokens":2,"mean":-0.5,"min":-0.75,"q00":-0.75,"'
    """
    record = token_record([token.logprob for token in logprobs])
    return None if record is None else orjson.dumps(record).decode()
