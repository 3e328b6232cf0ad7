"""RouterArena's score and its columns: accuracy and log-cost joined by a weighted harmonic mean.

Formulas as in RouteWorks/RouterArena, router_evaluation/compute_scores.py; the columns as its README names them.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.oracle import chosen_cells

Floats = NDArray[np.float64]

BETA = 0.1
CHEAPEST_USD = 0.0044
DEAREST_USD = 200.0


def arena_score(accuracy: ArrayLike, cost_per_1k_usd: ArrayLike, clip: bool = True) -> Floats:
    """Score (1 + b) A C / (b A + C), b = 0.1, C the log-cost between 200 (0) and 0.0044 (1) USD per 1000 queries.

    `accuracy` is in [0, 1]; the leaderboard prints the score times 100. The cost is clipped to that range; `clip=False`
    is the published formula, which goes negative above 200 USD. Raises ValueError on a negative or NaN cost, and on a
    free one without clipping.

    >>> round(float(arena_score(0.6689, 0.15)), 5)
    0.66908
    """
    accuracy, c = np.asarray(accuracy, np.float64), cost_term(cost_per_1k_usd, clip)
    bottom = BETA * accuracy + c
    zero = bottom == 0
    return np.where(zero, 0.0, (1 + BETA) * accuracy * c / np.where(zero, 1.0, bottom))


def cost_term(cost_per_1k_usd: ArrayLike, clip: bool = True) -> Floats:
    """Cheapness of a cost in USD per 1000 queries: 1 at 0.0044, 0 at 200, linear in its logarithm.

    >>> cost_term([0.0, 200.0]).tolist()
    [1.0, 0.0]
    """
    cost = np.asarray(cost_per_1k_usd, np.float64)
    if not np.all(cost >= 0 if clip else cost > 0):
        rule = ">= 0" if clip else "> 0 (clip=True allows 0)"
        raise ValueError(f"cost of {np.min(cost)} USD per 1000 queries must be {rule}")
    if clip:
        cost = np.clip(cost, CHEAPEST_USD, DEAREST_USD)
    return np.asarray(np.log2(DEAREST_USD / cost) / np.log2(DEAREST_USD / CHEAPEST_USD))


def optimal_selection(quality: ArrayLike, cost: ArrayLike, choice: ArrayLike) -> float:
    """Share of prompts whose chosen arm [n] is right (quality >= 0.5) and no right arm is cheaper.

    >>> optimal_selection([[1, 1], [1, 1], [0, 0]], [[1, 2], [1, 2], [1, 2]], choice=[0, 1, 0]) == 1 / 3
    True
    """
    right = chosen_cells(quality, choice) >= 0.5
    return float(np.mean(right & (chosen_cells(cost, choice) <= _optimal_cost(quality, cost))))


def optimal_cost(quality: ArrayLike, cost: ArrayLike, choice: ArrayLike) -> float:
    """Cost of the cheapest right arms (where none is right, the cheapest) over the cost of the chosen ones.

    >>> round(optimal_cost([[1, 1], [0, 0]], [[1, 2], [1, 2]], choice=[1, 0]), 3)
    0.667
    """
    return float(_optimal_cost(quality, cost).sum() / chosen_cells(cost, choice).sum())


def optimal_accuracy(quality: ArrayLike, choice: ArrayLike) -> float:
    """Share of the prompts that some arm answers right (quality >= 0.5) on which the chosen arm does; NaN if none.

    >>> optimal_accuracy([[1, 0], [0, 1], [0, 0]], choice=[0, 0, 0])
    0.5
    """
    solvable = (np.asarray(quality, np.float64) >= 0.5).any(axis=1).sum()
    right = (chosen_cells(quality, choice) >= 0.5).sum()
    return float(right / solvable) if solvable else float("nan")


def robustness(choice: ArrayLike, choice_under_noise: ArrayLike) -> float:
    """Share of the prompts [n] whose choice a paraphrase or typo leaves unchanged.

    >>> robustness([0, 1, 2, 0], [0, 1, 1, 0])
    0.75
    """
    return float(np.mean(np.asarray(choice) == np.asarray(choice_under_noise)))


def _optimal_cost(quality: ArrayLike, cost: ArrayLike) -> Floats:
    """Cost of each prompt's cheapest right arm, or of its cheapest arm where none is right, [n]."""
    right = np.asarray(quality, np.float64) >= 0.5
    wanted = right | ~right.any(axis=1, keepdims=True)
    return np.asarray(np.fmin.reduce(np.where(wanted, np.asarray(cost, np.float64), np.nan), axis=1))
