"""An arm drawn at random."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Decision, Floats, Situation


@dataclass(frozen=True)
class RandomArm:
    """Draw an arm among the feasible ones, whatever the estimates, the costs and the knob (Lu et al. 2024, Blending).

    `Situation.u` is the draw: arms share [0, 1) in their order, each by its chance, so that the same u replays the
    same arm. Where no u is given nothing is drawn: the arm at u = 0.5 answers, with certainty.

    Args:
        weights: chance of each arm up to a factor, at least 0; empty for equal chances.

    >>> estimates = Estimates(np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((2, 2)))
    >>> on = Situation(estimates, np.zeros((2, 2)), np.ones(2), u=np.array([0.7, 0.8]))
    >>> RandomArm(weights=(3.0, 1.0)).decide(on).arm.tolist()
    [0, 1]
    """

    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Refuse weights that are no chances.

        Raises:
            ValueError: a weight is negative or not finite, or none is positive.
        """
        given = np.array(self.weights)
        if self.weights and not (np.isfinite(given).all() and (given >= 0).all() and given.any()):
            raise ValueError(f"weights are {self.weights}; give one an arm, at least 0, and one above 0")

    @property
    def needs_cost(self) -> bool:
        """It never looks at costs."""
        return False

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`; arms of weight 0 answer only where nothing else is feasible.

        Raises:
            ValueError: a row has no feasible arm, or there are not as many weights as arms.
        """
        chance = self._chance(on)
        u = np.full(len(chance), 0.5) if on.u is None else on.u.astype(np.float64)
        # the last arm with a chance ends at 1 whatever the rounding, so that a u below 1 always meets one
        reached = (chance.cumsum(axis=1) <= u[:, None]).sum(axis=1)
        last = chance.shape[1] - 1 - (chance[:, ::-1] > 0).argmax(axis=1)
        arm = np.minimum(reached, last)
        members = np.zeros(chance.shape, dtype=bool)
        members[np.arange(len(arm)), arm] = True
        drawn = on.u is not None
        propensity = chance if drawn else members.astype(np.float64)
        return Decision(arm, members, propensity, ("drawn" if drawn else "undrawn",) * len(arm))

    def _chance(self, on: Situation) -> Floats:
        """Chance of each arm, 0 where it is not feasible; (B, A)."""
        feasible = on.feasible
        arms = feasible.shape[1]
        if self.weights and len(self.weights) != arms:
            raise ValueError(f"there are {len(self.weights)} weights and {arms} arms; give one an arm, or none")
        weight = np.where(feasible, np.array(self.weights or (1.0,) * arms), 0.0)
        weight = np.where(weight.any(axis=1, keepdims=True), weight, feasible)
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def margin(self, on: Situation) -> Floats:
        """Infinite: no quality changes the draw."""
        return np.full(len(on.tradeoff), np.inf)

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Nothing to fit."""
        return self

    def knots(self, count: int) -> Floats:
        """Equal steps; the knob changes nothing."""
        return np.linspace(0.0, 1.0, count)
