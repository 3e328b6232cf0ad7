"""Argmax of quality against cost, convex in the trade-off."""

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

ODDS = (10.0, 1e-3)  # of cost against quality; beyond them an arm is cheapest or best


@dataclass(frozen=True)
class ArgmaxUtility:
    """Choose argmax of t q - (1 - t) c / scale (Somerstep et al. 2025, the convex policy of CARROT).

    t = 1 is the best arm at any price, t = 0 the cheapest. Dividing by `scale_usd` makes t free of the currency
    and of how long the prompts are.

    Args:
        scale_usd: the cost that weighs as much as the whole quality range at t = 0.5; USD a request.

    >>> estimates = Estimates(np.array([[0.5, 0.9]]), np.zeros((1, 2)), np.zeros((1, 2)))
    >>> cost = np.array([[0.1, 1.0]])
    >>> [int(ArgmaxUtility(1.0).decide(Situation(estimates, cost, np.array([t]))).arm[0]) for t in (0.0, 0.6, 0.8, 1.0)]
    [0, 0, 1, 1]
    """

    scale_usd: float = 1.0

    @property
    def needs_cost(self) -> bool:
        """At t = 1 costs do not matter, below it they do."""
        return True

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`; costs may be unknown only where the trade-off is 1."""
        utility = np.where(on.feasible, self.utility(on), -np.inf)
        return decided(best_then_cheapest(utility, on.cost_usd), utility.shape[1], "max_utility")

    def utility(self, on: Situation) -> Floats:
        """t q - (1 - t) c / scale, float64 (B, A)."""
        priced = on.tradeoff < 1
        if priced.any():
            require_cost(on.cost_usd[priced], "argmax-utility below trade-off 1")
        weight = on.tradeoff[:, None]
        penalty = np.where(priced[:, None], (1 - weight) * on.cost_usd / self.scale_usd, 0.0)
        return np.asarray(weight * on.quality - penalty)

    def margin(self, on: Situation) -> Floats:
        """The best utility's lead."""
        return lead(self.utility(on))

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Scale = the mean cost of the priciest arm."""
        means = cost_usd.mean(axis=0)
        return self if np.isnan(means).any() or means.max() <= 0 else replace(self, scale_usd=float(means.max()))

    def knots(self, count: int) -> Floats:
        """0, 1, and between them (1 - t) / t spaced geometrically from 10 down to 0.001."""
        return utility_knots(count)


def utility_knots(count: int) -> Floats:
    """Trade-offs 0, 1, and between them those whose odds (1 - t) / t fall geometrically from 10 to 0.001.

    >>> utility_knots(4).round(3).tolist()
    [0.0, 0.091, 0.999, 1.0]
    """
    odds = np.geomspace(*ODDS, count - 2)
    return np.concatenate([[0.0], 1 / (1 + odds), [1.0]])
