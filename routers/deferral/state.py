"""What a deferral policy sees, and what it can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]


@dataclass(frozen=True)
class Candidate:
    """An answer. How good it is, is not among what is known of it.

    Args:
        model: number of the model that gave it.
        sample: which of its samples it is, from 0.
        key: the canonical answer, see `anabranch.data.answers`; None where the text gives none. None equals no other.
        signals: how sure it looks, by name, e.g. logprob_mean; a signal that is not known is not there.
        cost_usd: what it cost, signals included.
        latency_s: how long it took.
        failed: there is no answer, only a bill.
    """

    model: int
    sample: int = 0
    key: str | int | None = None
    signals: Mapping[str, float] = field(default_factory=dict)
    cost_usd: float = 0.0
    latency_s: float = 0.0
    failed: bool = False


@dataclass(frozen=True, eq=False)
class State:
    """One prompt, and what was answered so far.

    Args:
        candidates: in the order in which they were called.
        quality: float [M], a router's estimates before anything was called; NaN if there is no router.
        cost_usd: float [M], the expected cost of a call of each model; NaN if unknown.
        u: in [0, 1), drawn once a prompt: all the randomness there is.

    >>> state = State((), np.array([0.5, 0.8]), np.array([1.0, 5.0]), u=0.5)
    >>> state.after([Candidate(0, cost_usd=1.5)]).spent_usd
    1.5
    """

    candidates: tuple[Candidate, ...]
    quality: Floats
    cost_usd: Floats
    u: float

    @property
    def spent_usd(self) -> float:
        """What the candidates cost; failed calls count."""
        return sum(one.cost_usd for one in self.candidates)

    @property
    def answers(self) -> tuple[int, ...]:
        """Places of the candidates that did not fail."""
        return tuple(place for place, one in enumerate(self.candidates) if not one.failed)

    def calls_of(self, model: int) -> int:
        """How often a model was called, failures included."""
        return sum(one.model == model for one in self.candidates)

    def after(self, candidates: list[Candidate]) -> "State":
        """The state once these calls are back."""
        return replace(self, candidates=self.candidates + tuple(candidates))


@dataclass(frozen=True)
class Call:
    """Call models, all at once; a model twice is two samples of it.

    Args:
        models: their numbers.
        reason: a short code.
    """

    models: tuple[int, ...]
    reason: str = ""


@dataclass(frozen=True)
class Answer:
    """Stop and answer with a candidate.

    Args:
        pick: its place among the candidates; not one that failed.
        reason: a short code.
    """

    pick: int
    reason: str = ""


@dataclass(frozen=True)
class Abstain:
    """Stop without an answer.

    Args:
        reason: a short code.
    """

    reason: str


Action = Call | Answer | Abstain
