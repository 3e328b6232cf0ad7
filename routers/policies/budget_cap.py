"""The best arm that a request can afford."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import (
    Bools,
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
class BudgetCap:
    """Call the best arm whose expected cost is within a cap, else the cheapest (Zhao et al. 2024, Eagle).

    Each request has the cap for itself: what one leaves over, no other may spend (`DualPrice` shares a budget). The
    knob moves the cap through the quantiles of the costs seen on the validation split: t = 0 is the cheapest arm,
    t = 1 the best at any price. Of equally cheap arms the best one answers.

    Args:
        caps_usd: ascending quantiles of expected cost at equal steps, USD a request; empty until `fitted`.

    >>> estimates = Estimates(np.array([[0.5, 0.9]]), np.zeros((1, 2)), np.zeros((1, 2)))
    >>> policy = BudgetCap(caps_usd=(1.0, 5.0))
    >>> [int(policy.decide(Situation(estimates, np.array([[1.0, 4.0]]), np.array([t]))).arm[0]) for t in (0.7, 0.75)]
    [0, 1]
    """

    caps_usd: tuple[float, ...] = ()

    @property
    def needs_cost(self) -> bool:
        """Below t = 1 the cap is an amount of money."""
        return True

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`; costs may be unknown only where the trade-off is 1."""
        quality = np.where(on.feasible, on.quality, -np.inf)
        within, kept = self._within(on)
        reasons = np.where(kept, "best_within", "cheapest_beyond").tolist()
        arm = best_then_cheapest(np.where(within, quality, -np.inf), on.cost_usd)
        return decided(arm, quality.shape[1], tuple(reasons))

    def margin(self, on: Situation) -> Floats:
        """The lead of the best arm within the cap; infinite where only one is."""
        within, _ = self._within(on)
        return lead(np.where(within, on.quality, -np.inf))

    def _within(self, on: Situation) -> tuple[Bools, Bools]:
        """The arms that may answer, bool (B, A), and where they keep the cap, bool (B,)."""
        cap, priced = self._cap(on.tradeoff), on.tradeoff < 1
        require_cost(on.cost_usd[priced], "budget-cap below trade-off 1")
        cost_usd = np.where(priced[:, None], on.cost_usd, 0.0)
        least = np.where(on.feasible, cost_usd, np.inf).min(axis=1)
        return on.feasible & (cost_usd <= np.maximum(cap, least)[:, None]), least <= cap

    def _cap(self, tradeoff: Floats) -> Floats:
        if not self.caps_usd and (tradeoff < 1).any():
            raise ValueError("budget-cap has no scale yet: fit it on validation estimates first")
        return level_at(tradeoff, self.caps_usd or (0.0,))

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Take 201 quantiles of all expected costs; unchanged where some are unknown."""
        if np.isnan(cost_usd).any():
            return self
        return replace(self, caps_usd=levels_of(cost_usd))

    def knots(self, count: int) -> Floats:
        """Equal steps through the quantiles."""
        return np.linspace(0.0, 1.0, count)
