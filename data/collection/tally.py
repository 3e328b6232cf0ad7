"""What a run has done so far, model by model; the collector counts, the display reads."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from anabranch.upstreams.errors import UpstreamError


@dataclass
class ModelTally:
    """One model in this run.

    Args:
        wanted: answers to ask for.
        done: answers received.
        failed: calls that ended in an error, by the error's name.
        cost_usd: of the answers whose cost is known.
        unpriced: answers whose cost is not known.
    """

    wanted: int
    done: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    cost_usd: float = 0.0
    unpriced: int = 0

    def answered(self, cost_usd: float | None) -> None:
        """Count an answer."""
        self.done += 1
        self.cost_usd += cost_usd or 0.0
        self.unpriced += cost_usd is None

    def refused(self, error: UpstreamError) -> None:
        """Count a failure."""
        self.failed[type(error).__name__] += 1


class Tally:
    """All models in this run.

    Args:
        wanted: model -> answers to ask for.

    >>> tally = Tally({"owl": 10, "wren": 10})
    >>> tally.models["owl"].answered(0.25)
    >>> tally.wanted, tally.done, tally.cost_usd
    (20, 1, 0.25)
    """

    def __init__(self, wanted: dict[str, int]) -> None:
        self.models = {model: ModelTally(number) for model, number in wanted.items()}
        self._started_s = time.monotonic()
        self.given_up: list[str] = []

    @property
    def wanted(self) -> int:
        """Answers to ask for."""
        return sum(model.wanted for model in self.models.values())

    @property
    def done(self) -> int:
        """Answers received."""
        return sum(model.done for model in self.models.values())

    @property
    def failed(self) -> int:
        """Calls that ended in an error."""
        return sum(model.failed.total() for model in self.models.values())

    @property
    def cost_usd(self) -> float:
        """Of the answers whose cost is known."""
        return sum(model.cost_usd for model in self.models.values())

    @property
    def rate(self) -> float:
        """Calls that ended a second."""
        return (self.done + self.failed) / max(time.monotonic() - self._started_s, 1e-9)

    @property
    def left_s(self) -> float | None:
        """Seconds to go at this rate; None before the first answer."""
        ended = self.done + self.failed
        return (self.wanted - ended) / self.rate if ended else None

    def lines(self) -> Sequence[str]:
        """One line for all, and one a model."""
        left = "?" if self.left_s is None else f"{self.left_s:.0f} s"
        failed = f", {self.failed} failed" if self.failed else ""
        total = f"{self.done}/{self.wanted} answers{failed}, {self.rate:.1f}/s, {self.cost_usd:.4f} USD, {left} left"
        return [total, *(self._line(name, model) for name, model in self.models.items()), *self.given_up]

    def _line(self, name: str, model: ModelTally) -> str:
        errors = "".join(f", {number} {kind}" for kind, number in model.failed.items())
        return f"  {name}: {model.done}/{model.wanted}, {model.cost_usd:.4f} USD{errors}"
