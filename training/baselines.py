"""What a router must beat: choices that do not look at the prompt, and the one that looks at the answers."""

import numpy as np

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.training.metrics.hull import ndch

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


def frontier_arms(quality: Floats, cost: Floats) -> tuple[int, ...]:
    """The arms at the vertices of the best mixes of single arms, cheapest first (the zero router's arms).

    Args:
        quality: [N, A].
        cost: [N, A], same unit throughout.

    >>> frontier_arms(np.array([[0.2, 0.1, 0.9]]), np.array([[1.0, 2.0, 3.0]]))
    (0, 2)
    """
    mean_cost, mean_quality = _column_means(cost), _column_means(quality)
    hull = ndch(mean_cost, mean_quality)
    points = zip(mean_cost, mean_quality, strict=True)
    place = {point: arm for arm, point in reversed(list(enumerate(points)))}
    return tuple(place[point] for point in zip(hull.cost, hull.quality, strict=True))


def _column_means(values: Floats) -> Floats:
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
