"""Regret: the utility a router leaves behind on each prompt."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.oracle import chosen_cells, oracle_utility, utility

Floats = NDArray[np.float64]


def regret(
    quality: ArrayLike,
    cost: ArrayLike | None,
    choice: ArrayLike,
    cost_weight: float = 0.0,
    reference: ArrayLike | None = None,
) -> Floats:
    """Utility of the reference minus that of the chosen arm, for each prompt [n]; the mean is regret_lambda.

    `quality` and `cost` (USD) are [n, A], `choice` [n], `cost_weight` is lambda in quality per USD. The reference is
    the oracle, or the choices `reference` [n] of another policy (a constant for a fixed arm). The cumulative sum is
    the online regret. NaN where a cell it needs is unknown. Errors are those of `utility` and `chosen_cells`.

    >>> regret([[1.0, 0.5]], [[0.4, 0.1]], choice=[0], cost_weight=2.0).round(3).tolist()
    [0.1]
    """
    worth = utility(quality, cost, cost_weight)
    best = oracle_utility(worth) if reference is None else chosen_cells(worth, reference)
    return best - chosen_cells(worth, choice)
