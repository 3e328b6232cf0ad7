"""The cheapest arm that is good enough."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import (
    Decision,
    Floats,
    Situation,
    best_then_cheapest,
    decided,
    lead,
    require_cost,
)
from anabranch.routers.policies.quantile_knob import level_at, levels_of


@dataclass(frozen=True)
class CheapestAbove:
    """Call the cheapest arm whose quality reaches a floor, else the best (Sakota et al. 2024; Ding et al. 2025).

    The knob moves the floor through the quantiles of the qualities seen on the validation split, so it works for
    probabilities and scores alike: t = 0 is the cheapest arm, t = 1 the best.

    Args:
        quantiles: ascending quantiles of quality at equal steps; empty until `fitted`.

    >>> estimates = Estimates(np.array([[0.5, 0.9]]), np.zeros((1, 2)), np.zeros((1, 2)))
    >>> policy = CheapestAbove(quantiles=(0.0, 1.0))
    >>> [int(policy.decide(Situation(estimates, np.array([[1.0, 2.0]]), np.array([t]))).arm[0]) for t in (0.4, 0.6)]
    [0, 1]
    """

    quantiles: tuple[float, ...] = ()

    @property
    def needs_cost(self) -> bool:
        """Cheapest has no meaning without costs."""
        return True

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`."""
        require_cost(on.cost_usd, "cheapest-above")
        allowed = on.feasible
        quality = np.where(allowed, on.quality, -np.inf)
        enough = allowed & (quality >= self._floor(on.tradeoff)[:, None])
        cheapest = best_then_cheapest(np.where(enough, -on.cost_usd, -np.inf), on.cost_usd)
        reached = enough.sum(axis=1) > 0
        arm = np.where(reached, cheapest, best_then_cheapest(quality, on.cost_usd))
        reasons = np.where(reached, "cheapest_above", "best_below").tolist()
        return decided(arm, quality.shape[1], tuple(reasons))

    def margin(self, on: Situation) -> Floats:
        """The distance of the nearest quality from the floor, or the best quality's lead where none reaches it."""
        quality = on.quality
        floor = self._floor(on.tradeoff)[:, None]
        distance = np.abs(quality - floor).min(axis=1)
        reached = (quality >= floor).any(axis=1)
        return np.asarray(np.where(reached, distance, np.minimum(distance, lead(quality))))

    def _floor(self, tradeoff: Floats) -> Floats:
        if not self.quantiles:
            raise ValueError("cheapest-above has no scale yet: fit it on validation estimates first")
        return level_at(tradeoff, self.quantiles)

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Take 201 quantiles of all qualities."""
        return replace(self, quantiles=levels_of(estimates.quality))

    def knots(self, count: int) -> Floats:
        """Equal steps through the quantiles."""
        return np.linspace(0.0, 1.0, count)
