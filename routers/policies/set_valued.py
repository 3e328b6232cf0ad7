"""Several arms at once: those that are likely to be right."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Bools, Decision, Floats, Situation, decided, lead


@dataclass(frozen=True)
class SetValued:
    """Call the most confident arms among those that are likely to be right (Maurya et al. 2025, SelectLLM).

    `members` is the set and `arm` the most confident of it, which answers where nothing joins answers. If no arm
    reaches `above`, the most confident one is the set. The knob is not read: what a set is worth depends on how its
    answers are joined, so its size is a setting.

    Args:
        above: quality from which an arm is likely to be right.
        most: arms in a set; no limit if None.

    >>> estimates = Estimates(np.array([[0.9, 0.3, 0.6]]), np.zeros((1, 3)), np.zeros((1, 3)))
    >>> SetValued(above=0.5).decide(Situation(estimates, np.zeros((1, 3)), np.ones(1))).members.tolist()
    [[True, False, True]]
    """

    above: float = 0.5
    most: int | None = 3

    def __post_init__(self) -> None:
        if self.most is not None and self.most < 1:
            raise ValueError(f"set-valued calls at most {self.most} arms; at least 1 must answer")

    @property
    def needs_cost(self) -> bool:
        """Only to decide between equally confident arms."""
        return False

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`; `members` may have several arms a row."""
        return called(*self._chosen(on), "most_confident")

    def margin(self, on: Situation) -> Floats:
        """How far the set is from another one: from the threshold, the next rank, or another most confident arm."""
        quality = on.quality
        nearest = np.minimum(np.abs(quality - self.above).min(axis=1), lead(quality))
        if self.most is None or self.most >= quality.shape[1]:
            return np.asarray(nearest)
        falling = -np.sort(-quality, axis=1)
        return np.asarray(np.minimum(nearest, falling[:, self.most - 1] - falling[:, self.most]))

    def _chosen(self, on: Situation) -> tuple[NDArray[np.int64], Bools]:
        rank = ranks(on)
        members = on.feasible & (on.quality >= self.above) & (rank < (self.most or rank.shape[1]))
        return rank.argmin(axis=1), members

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Nothing to fit."""
        return self

    def knots(self, count: int) -> Floats:
        """Equal steps; they all decide alike."""
        return np.linspace(0.0, 1.0, count)


def ranks(on: Situation) -> NDArray[np.int64]:
    """The place of each arm by quality, 0 = best, infeasible ones last; ties as in `best_then_cheapest`. (B, A)."""
    price = np.nan_to_num(on.cost_usd, nan=np.finfo(np.float64).max)
    order = np.lexsort((price, -np.where(on.feasible, on.quality, -np.inf)), axis=1)
    return np.asarray(order.argsort(axis=1))


def called(arm: NDArray[np.int64], members: Bools, reason: str | tuple[str, ...]) -> Decision:
    """A decision for a set of arms and the one that answers among them; arm (B,), members (B, A) with or without it."""
    alone = decided(arm, members.shape[1], reason)
    return Decision(arm, members | alone.members, alone.propensity, alone.reason)
