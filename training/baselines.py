"""What a router must beat: choices that do not look at the prompt, and the one that looks at the answers."""

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.training.metrics.hull import Frontier, ndch

MIN_COVERAGE = 0.95  # of the best-covered arm; a mean over fewer prompts is not comparable


def best_single(outcomes: Outcomes) -> int:
    """The arm with the highest mean quality among those labelled (nearly) everywhere; ties go to the cheaper.

    >>> best_single(Outcomes.from_arrays(["a", "b"], [[0.0, 1.0], [1.0, 1.0]]))
    1
    """
    quality = _column_means(outcomes.quality)
    cost = np.nan_to_num(_column_means(outcomes.cost_usd), nan=0.0)
    coverage = (~np.isnan(outcomes.quality)).mean(axis=0)
    quality = np.where(coverage >= MIN_COVERAGE * coverage.max(), quality, -np.inf)
    return int(np.lexsort((cost, -quality))[0])


def cheapest_single(outcomes: Outcomes) -> int | None:
    """The arm with the lowest mean cost; None if no cost is known."""
    cost = _column_means(outcomes.cost_usd)
    return None if np.isnan(cost).all() else int(np.nanargmin(cost))


def oracle_choice(outcomes: Outcomes) -> NDArray[np.int64]:
    """The best arm of every prompt, ties to the cheaper; (N,)."""
    quality = np.nan_to_num(outcomes.quality, nan=-1.0)
    best = quality == quality.max(axis=1, keepdims=True)
    price = np.where(best, np.nan_to_num(outcomes.cost_usd, nan=0.0), np.inf)
    cheapest: NDArray[np.int64] = price.argmin(axis=1)
    return cheapest


def static_frontier(outcomes: Outcomes) -> Frontier:
    """The best any mix of single arms does at each mean cost: what routing without looking gives (the zero router)."""
    return ndch(_column_means(outcomes.cost_usd), _column_means(outcomes.quality))


def _column_means(values: Floats) -> Floats:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
