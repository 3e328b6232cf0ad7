"""What a strategy did for one prompt: whom it asked, what that cost, and why."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.upstream import Usage


@dataclass
class Call:
    """One call of a model, filled in as it goes.

    Args:
        model: its name in the pool.
        resolved_model: who answered, as the upstream says.
        usage: as the upstream counted it; None until it is known.
        cost_usd: real usage at current prices; None if either is not known.
        attempts: requests sent, retries included; None if the upstream does not say.
        error: the kind of error it ended in, Cancelled if nobody waited for its end.
    """

    model: str
    resolved_model: str
    usage: Usage | None = None
    cost_usd: float | None = None
    attempts: int | None = None
    error: str | None = None

    def failed(self, error: UpstreamError) -> None:
        """Write down how it ended; it cost nothing if nothing can have been answered."""
        self.error, self.attempts = type(error).__name__, error.attempts
        if self.usage is None and error.maybe_paid == 0:
            self.cost_usd = 0.0

    def cancelled(self) -> None:
        """Write down that nobody waited for its end; what it may have cost is known only if it was counted before."""
        self.error = "Cancelled"

    @property
    def fields(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "model": self.model,
            "resolved_model": self.resolved_model,
            "cost_usd": self.cost_usd,
            "attempts": self.attempts,
            "error": self.error,
        }


@dataclass
class Record:
    """What was done for one prompt; it grows while the strategy works.

    Args:
        strategy: by name.
        model: the arm that answers, once that is decided.
        reason: a short code.
        expected_cost_usd: before the answer; None if not known.
        calls: in the order in which they began.
    """

    strategy: str
    model: str = ""
    reason: str = ""
    expected_cost_usd: float | None = None
    calls: list[Call] = field(default_factory=list)

    @property
    def cost_usd(self) -> float | None:
        """Of all calls; None while one is not known.

        >>> Record("route", calls=[Call("a", "a", cost_usd=0.25), Call("b", "b", cost_usd=0.5)]).cost_usd
        0.75
        """
        return total([call.cost_usd for call in self.calls])


def total(amounts: list[float | None]) -> float | None:
    """The sum; None if one is not known, or there is none.

    >>> total([0.25, 0.5]), total([0.25, None]), total([])
    (0.75, None, None)
    """
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known and len(known) == len(amounts) else None


class Waiting:
    """How long a request waits for upstreams; calls at the same time count once."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._calls = 0
        self._since = 0.0

    @contextmanager
    def one(self) -> Iterator[None]:
        """One call, or one step of a streamed call."""
        if self._calls == 0:
            self._since = perf_counter()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            if self._calls == 0:
                self.seconds += perf_counter() - self._since
