"""Deferral curve metrics: area, peak quality, quality-neutral cost, cost saved, quality at a cost.

The deferral curve joins a router's points (mean cost, mean quality), one per setting of its knob, after those that
another point beats are dropped; between two neighbours it is linear (a coin between the two settings), after the last
one flat. It is not the concave hull. All functions take `cost` [..., T] and `quality` [..., T] and return one number
per row; points with a NaN are absent. Jitkrittum et al. 2025, arXiv 2502.08773.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.pareto import pareto
from anabranch.training.metrics.polyline import ROUNDING, anchored, mean_height, value_at

Floats = NDArray[np.float64]


def audc(
    cost: ArrayLike, quality: ArrayLike, c_min: ArrayLike, c_max: ArrayLike, anchor: ArrayLike | None = None
) -> Floats:
    """Area under the deferral curve on [c_min, c_max], divided by c_max - c_min.

    The papers integrate from cost 0 and leave the part left of the cheapest model open; here the area starts at c_min,
    the cheapest model's mean cost, and c_max is the dearest model's. A router whose points all cost more than c_min
    gets the point (c_min, `anchor`), `anchor` being the cheapest model's quality; without it the area is NaN.
    With the mean of each prompt's lowest and highest cost as bounds this is ORBIT's nAUC; with c_max at half the
    dearest cost, Area(50 %).

    >>> round(float(audc([1, 2, 3, 4, 6], [0.3, 0.6, 0.5, 0.7, 0.65], c_min=1, c_max=6)), 3)
    0.63
    """
    return mean_height(*pareto(*anchored(cost, quality, c_min, anchor)), c_min, c_max)


def peak_quality(quality: ArrayLike) -> Floats:
    """Highest mean quality over the knob settings [..., T]; optimistic unless the knob was chosen on other data.

    >>> float(peak_quality([0.3, np.nan, 0.7]))
    0.7
    """
    return np.asarray(np.fmax.reduce(np.asarray(quality, np.float64), axis=-1))


def quality_at_cost(cost: ArrayLike, quality: ArrayLike, at: ArrayLike) -> Floats:
    """Quality of the deferral curve at mean cost `at`; NaN left of its first point.

    >>> round(float(quality_at_cost([1, 3], [0.5, 0.9], at=2)), 3)
    0.7
    """
    return value_at(*pareto(cost, quality), at)


def cost_at_quality(cost: ArrayLike, quality: ArrayLike, level: ArrayLike) -> Floats:
    """Lowest mean cost at which the deferral curve reaches quality `level`; infinite if it never does.

    A shortfall up to 1e-9 counts as reached: the means compared are rounded sums.

    >>> round(float(cost_at_quality([1, 3], [0.5, 0.9], level=0.7)), 3)
    2.0
    """
    cost, quality = pareto(cost, quality)
    level = np.asarray(level, np.float64)
    first, last = quality[..., 0], quality[..., -1]
    reached = value_at(quality, cost, np.clip(level, first, last))
    return np.where(level > last + ROUNDING, np.inf, reached)


def qnc(cost: ArrayLike, quality: ArrayLike, best_cost: ArrayLike, best_quality: ArrayLike) -> Floats:
    """Quality-neutral cost: cost to reach the best single model's quality, relative to that model's cost.

    Lower is better; 1 is no saving, infinity is out of reach (add the best single model as a point to allow falling
    back to it, which keeps it at or below 1). NaN when the best single model is free.

    >>> round(float(qnc([1, 3], [0.5, 0.9], best_cost=4, best_quality=0.7)), 3)
    0.5
    """
    best_cost = np.asarray(best_cost, np.float64)
    relative = cost_at_quality(cost, quality, best_quality) / np.where(best_cost > 0, best_cost, 1.0)
    return np.where(best_cost > 0, relative, np.nan)


def cost_save(cost: ArrayLike, quality: ArrayLike, best_cost: ArrayLike, best_quality: ArrayLike) -> Floats:
    """Share of the best single model's cost saved at its quality: 1 - QNC (minus infinity if out of reach).

    >>> round(float(cost_save([1, 3], [0.5, 0.9], best_cost=4, best_quality=0.7)), 3)
    0.5
    """
    return 1.0 - qnc(cost, quality, best_cost, best_quality)
