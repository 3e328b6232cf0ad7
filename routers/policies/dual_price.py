"""Quality minus cost at the price that spends a budget."""

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

STEPS = 201
ABOVE = 1 + 1e-9  # a table's price lies this far above the step it does not buy, lest rounding buys it


@dataclass(frozen=True)
class DualPrice:
    """Choose argmax of q - price * c, the price being the dual of a budget that the whole batch shares.

    The knob is the budget: t = 0 pays for the cheapest arm of every prompt, t = 1 for the best, and t = 0.3 for 30 %
    of the way between, in USD, on the prompts it was fitted on. The decisions are those of `ArgmaxUtility`, reached
    by another knob; the linear relaxation of FORC's assignment (Sakota et al. 2024) is solved by them.

    Args:
        prices: of one USD in units of quality, at equal steps of the budget; falling; empty until `fitted`.

    >>> quality, cost_usd = np.array([[0.2, 0.8], [0.5, 0.7]]), np.array([[1.0, 3.0], [1.0, 3.0]])
    >>> estimates = Estimates(quality, cost_usd, np.zeros((2, 2)))
    >>> policy = DualPrice().fitted(estimates, cost_usd)
    >>> [policy.decide(Situation(estimates, cost_usd, np.full(2, t))).arm.tolist() for t in (0.0, 0.5, 1.0)]
    [[0, 0], [1, 0], [1, 1]]
    """

    prices: tuple[float, ...] = ()

    @property
    def needs_cost(self) -> bool:
        """At t = 1 costs do not matter, below it they do."""
        return True

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`; costs may be unknown only where the trade-off is 1."""
        utility = self._utility(on)
        return decided(best_then_cheapest(utility, on.cost_usd), utility.shape[1], "max_at_price")

    def margin(self, on: Situation) -> Floats:
        """The best utility's lead; at t = 0 the lead in quality among the cheapest arms."""
        return lead(self._utility(on))

    def price(self, tradeoff: Floats) -> Floats:
        """Quality that one USD must buy, (B,): 0 at t = 1; infinite at t = 0.

        Raises:
            ValueError: it was never fitted and a trade-off is below 1.
        """
        if not self.prices and (tradeoff < 1).any():
            raise ValueError("dual-price has no prices yet: fit it on validation estimates first")
        known = np.interp(tradeoff, np.linspace(0.0, 1.0, len(self.prices) or 1), self.prices or (0.0,))
        return np.where(tradeoff >= 1, 0.0, np.where(tradeoff <= 0, np.inf, known))

    def _utility(self, on: Situation) -> Floats:
        """q - price * c of feasible arms, else -inf; at an infinite price q of the cheapest arms; (B, A)."""
        price, priced = self.price(on.tradeoff)[:, None], on.tradeoff < 1
        require_cost(on.cost_usd[priced], "dual-price below trade-off 1")
        cost_usd = np.where(priced[:, None], on.cost_usd, 0.0)
        least = np.where(on.feasible, cost_usd, np.inf).min(axis=1, keepdims=True)
        allowed = on.feasible & (np.isfinite(price) | (cost_usd == least))
        return np.where(allowed, on.quality - np.where(np.isfinite(price), price, 0.0) * cost_usd, -np.inf)

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Tabulate the price of 201 budgets; unchanged where costs are unknown."""
        if np.isnan(cost_usd).any():
            return self
        gain, extra_usd = upgrades(estimates.quality.astype(np.float64), cost_usd.astype(np.float64))
        spent = np.concatenate([[0.0], np.cumsum(extra_usd)])
        budget = np.linspace(0.0, spent[-1], STEPS)
        # the first upgrade that the budget cannot pay for; at its price it is not bought, and all before it are
        unpaid = np.searchsorted(spent[1:], budget, side="right")
        prices = np.append(gain * ABOVE, 0.0)[unpaid]
        return replace(self, prices=tuple(float(price) for price in prices))

    def knots(self, count: int) -> Floats:
        """Equal steps of the budget."""
        return np.linspace(0.0, 1.0, count)


def upgrades(quality: Floats, cost_usd: Floats) -> tuple[Floats, Floats]:
    """The steps by which prompts go from their cheapest to their best arm, those that gain most a USD first.

    Between them lie the arms on the upper concave hull of each prompt's (cost, quality) points; the linear relaxation
    of the assignment buys the steps in this order.

    Args:
        quality: float64 [N, A].
        cost_usd: float64 [N, A], all known.

    Returns:
        Gain in quality a USD, falling, and extra USD; each float64 [steps].

    >>> gain, extra_usd = upgrades(np.array([[0.2, 0.5, 0.6]]), np.array([[1.0, 2.0, 4.0]]))
    >>> gain.round(2).tolist(), extra_usd.tolist()
    ([0.3, 0.05], [1.0, 2.0])
    """
    every = np.arange(len(quality))
    cheapest = cost_usd == cost_usd.min(axis=1, keepdims=True)
    arm = np.where(cheapest, quality, -np.inf).argmax(axis=1)
    gains, extras = [np.zeros(0)], [np.zeros(0)]
    for _ in range(quality.shape[1] - 1):
        rise = quality - quality[every, arm][:, None]
        extra = cost_usd - cost_usd[every, arm][:, None]
        better = (rise > 0) & (extra > 0)
        slope = np.where(better, rise / np.where(better, extra, 1.0), -np.inf)
        steepest = slope.argmax(axis=1)
        moves = better[every, steepest]
        gains.append(slope[every, steepest][moves])
        extras.append(extra[every, steepest][moves])
        arm = np.where(moves, steepest, arm)
    gain, extra_usd = np.concatenate(gains), np.concatenate(extras)
    order = np.argsort(-gain, kind="stable")
    return gain[order], extra_usd[order]
