"""Value and mean height of piecewise linear curves, one per row, flat after their last vertex.

A curve is `cost` [..., V] and `quality` [..., V] as `pareto` and `concave_hull` return them: cost never falls, and the
last vertex may be repeated. Bounds and costs to look up are numbers or arrays of the leading shape.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# A curve that starts this little to the right of a bound (relative) starts at it: means are rounded sums.
ROUNDING = 1e-9

# A shorter step has no slope that float64 can hold.
SMALLEST_RUN = 1e-300


def value_at(cost: Floats, quality: Floats, at: ArrayLike) -> Floats:
    """Quality of each curve at cost `at`; NaN left of its first vertex.

    >>> float(value_at(np.array([1.0, 3.0]), np.array([0.2, 0.6]), 2.0))
    0.4
    """
    at = np.asarray(at, np.float64)
    start, stop = cost[..., :-1], cost[..., 1:]
    inside = np.clip(at[..., None], start, stop) - start  # (..., V - 1)
    value = quality[..., 0] + (_slope(cost, quality) * inside).sum(axis=-1)
    return np.where(at < cost[..., 0], np.nan, value)


def area(cost: Floats, quality: Floats, low: ArrayLike, high: ArrayLike) -> Floats:
    """Area under each curve between costs `low` and `high`; left of the first vertex counts 0.

    >>> float(area(np.array([1.0, 3.0]), np.array([0.0, 1.0]), 0.0, 4.0))
    2.0
    """
    low, high = np.asarray(low, np.float64)[..., None], np.asarray(high, np.float64)[..., None]
    start, stop = np.clip(cost[..., :-1], low, high), np.clip(cost[..., 1:], low, high)
    middle = quality[..., :-1] + _slope(cost, quality) * ((start + stop) / 2 - cost[..., :-1])
    flat = (high - np.clip(cost[..., -1:], low, high)) * quality[..., -1:]
    return np.asarray(((stop - start) * middle).sum(axis=-1) + flat[..., 0])


def mean_height(cost: Floats, quality: Floats, low: ArrayLike, high: ArrayLike) -> Floats:
    """Mean quality of each curve over costs [low, high]; its value when the two are equal.

    NaN where a curve starts right of `low`: `anchored` closes that gap. Raises ValueError if high < low.

    >>> float(mean_height(np.array([1.0, 3.0]), np.array([0.0, 1.0]), 1.0, 5.0))
    0.75
    """
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    if np.any(high < low):
        raise ValueError(f"cost interval [{np.max(low)}, {np.min(high)}] is empty; give c_min <= c_max")
    width = high - low
    mean = area(cost, quality, low, high) / np.where(width > 0, width, 1.0)
    point = value_at(cost, quality, np.maximum(low, cost[..., 0]))
    covered = cost[..., 0] <= low * (1 + ROUNDING)
    return np.where(covered, np.where(width > 0, mean, point), np.nan)


def anchored(cost: ArrayLike, quality: ArrayLike, low: ArrayLike, anchor: ArrayLike | None) -> tuple[Floats, Floats]:
    """Add the point (low, anchor) to each row of points [..., T] that has none at or left of `low`.

    >>> cost, quality = anchored([2.0, 3.0], [0.5, 0.6], low=1.0, anchor=0.4)
    >>> cost.tolist(), quality.tolist()
    ([1.0, 2.0, 3.0], [0.4, 0.5, 0.6])
    """
    cost, quality = np.asarray(cost, np.float64), np.asarray(quality, np.float64)
    if anchor is None:
        return cost, quality
    low, anchor = np.asarray(low, np.float64), np.asarray(anchor, np.float64)
    first = np.where(np.isnan(cost) | np.isnan(quality), np.inf, cost).min(axis=-1)
    added = np.broadcast_to(np.where(first > low, anchor, np.nan), first.shape)[..., None]  # NaN: no point
    left = np.broadcast_to(low, first.shape)[..., None]
    return np.concatenate([left, cost], axis=-1), np.concatenate([added, quality], axis=-1)


def _slope(cost: Floats, quality: Floats) -> Floats:
    run, rise = np.diff(cost, axis=-1), np.diff(quality, axis=-1)
    return np.divide(rise, run, out=np.zeros_like(run), where=run > SMALLEST_RUN)
