"""The best randomised routing under a budget on the mean cost, exactly."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.outcomes import Floats
from anabranch.routers.policies.dual_price import upgrades

TIE = 1e-12


@dataclass(frozen=True)
class ExactRouting:
    """Choose argmax of quality - lam * cost; of equals the dearest with probability gamma, else the cheapest.

    Args:
        lam: quality that a USD must buy.
        gamma: share of the prompts on which the dearest of equals is chosen.
        quality: mean quality that it expects on the prompts it was fitted on.
        cost_usd: mean cost there.
    """

    lam: float
    gamma: float
    quality: float
    cost_usd: float

    def choose(self, quality: ArrayLike, cost_usd: ArrayLike, u: ArrayLike) -> NDArray[np.int64]:
        """A model for each prompt, int64 [N].

        Args:
            quality: float [N, M], expected.
            cost_usd: float [N, M].
            u: float [N] in [0, 1), one draw a prompt.

        >>> ExactRouting(0.25, 0.5, 0.0, 0.0).choose([[0.5, 1.0]] * 2, [[1.0, 3.0]] * 2, [0.4, 0.5]).tolist()
        [1, 0]
        """
        cheap, dear = _extremes(_floats(quality), _floats(cost_usd), self.lam)
        return np.where(np.asarray(u) < self.gamma, dear, cheap)


def exact_routing(quality: ArrayLike, cost_usd: ArrayLike, budget_usd: float) -> ExactRouting:
    """Solve the linear program of routing: the highest mean quality at a mean cost of at most the budget.

    Only where a prompt's choice changes as the price falls can the price lie: at the slopes of the upper concave hulls
    of the prompts' (cost, quality) points, at most N (M - 1) of them (`upgrades`). The budget buys them steepest first;
    the first that it cannot pay in full sets the price, and gamma is the share of it that can be paid (Dekoninck et al.
    2025, optimal routing). Nothing is spent that buys no quality: where the price is 0, gamma is 0.

    Args:
        quality: float [N, M], expected.
        cost_usd: float [N, M], expected; in any unit that the budget has too.
        budget_usd: of the mean over prompts.

    Raises:
        ValueError: even the cheapest model of every prompt is over budget, or a quality or cost is not known.

    >>> exact_routing([[0.5, 1.0], [0.5, 0.6]], [[1.0, 3.0]] * 2, budget_usd=1.5)
    ExactRouting(lam=0.25, gamma=0.5, quality=0.625, cost_usd=1.5)
    """
    worth, cost = _floats(quality), _floats(cost_usd)
    if worth.shape != cost.shape or worth.ndim != 2 or not worth.size:
        raise ValueError(
            f"quality {worth.shape} and cost {cost.shape}; both are prompts x models, at least one of each"
        )
    if not (np.isfinite(worth).all() and np.isfinite(cost).all()):
        raise ValueError("some qualities or costs are not known; leave those prompts or models out")
    least = cost.min(axis=1).mean()
    if least > budget_usd + TIE * abs(budget_usd):
        raise ValueError(
            f"a budget of {budget_usd} a prompt is infeasible: the cheapest models cost {least} on average"
        )
    slope, extra = upgrades(worth, cost)
    unpaid = np.searchsorted(extra.cumsum(), (budget_usd - least) * len(worth) * (1 + TIE), side="right")
    lam = float(slope[unpaid]) if unpaid < len(slope) else 0.0
    return _mixed(worth, cost, lam, budget_usd)


def _mixed(quality: Floats, cost: Floats, lam: float, budget: float) -> ExactRouting:
    rows = np.arange(len(quality))
    ends = [(quality[rows, arm].mean(), cost[rows, arm].mean()) for arm in _extremes(quality, cost, lam)]
    (low_quality, low_cost), (high_quality, high_cost) = ends
    free = lam == 0 or high_cost <= low_cost
    gamma = 0.0 if free else float(np.clip((budget - low_cost) / (high_cost - low_cost), 0, 1))
    reached = (1 - gamma) * low_quality + gamma * high_quality, (1 - gamma) * low_cost + gamma * high_cost
    return ExactRouting(lam, gamma, float(reached[0]), float(reached[1]))


def _extremes(quality: Floats, cost: Floats, lam: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cheapest and the dearest of the models that are best at a price, each [N]."""
    net = quality - lam * cost
    # rounding grows with what is subtracted
    slack = TIE * (1 + lam * np.abs(cost).max(axis=1, keepdims=True))
    tied = net >= net.max(axis=1, keepdims=True) - slack
    return np.where(tied, cost, np.inf).argmin(axis=1), np.where(tied, cost, -np.inf).argmax(axis=1)


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, np.float64)
