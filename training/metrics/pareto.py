"""Pareto-clean cost-quality points: those no other point beats at the same or a lower cost."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def pareto(cost: ArrayLike, quality: ArrayLike) -> tuple[Floats, Floats]:
    """Keep the points whose quality no cheaper point reaches, cheapest first.

    `cost` (any unit) and `quality` are [..., T]; every row is cleaned by itself and keeps its width: the last
    point that stays is repeated to the end. A point with a NaN is absent; a row of absent points becomes NaN.
    At equal cost the higher quality stays. Raises ValueError if there are no points.

    >>> cost, quality = pareto([1, 2, 3, 4, 6], [0.3, 0.6, 0.5, 0.7, 0.65])
    >>> cost.tolist(), quality.tolist()
    ([1.0, 2.0, 4.0, 4.0, 4.0], [0.3, 0.6, 0.7, 0.7, 0.7])
    """
    cost, quality = np.broadcast_arrays(np.asarray(cost, np.float64), np.asarray(quality, np.float64))
    if cost.ndim == 0 or cost.shape[-1] == 0:
        raise ValueError(f"points of shape {cost.shape}: the last axis must hold at least one point")
    absent = np.isnan(cost) | np.isnan(quality)
    cost, quality = np.where(absent, np.inf, cost), np.where(absent, -np.inf, quality)
    order = _rising_first(cost, quality)
    cost, quality = np.take_along_axis(cost, order, -1), np.take_along_axis(quality, order, -1)
    empty = np.isneginf(quality)
    return np.where(empty, np.nan, cost), np.where(empty, np.nan, quality)


def _rising_first(cost: Floats, quality: Floats) -> NDArray[np.intp]:
    """Indices of the points that raise the best quality so far, the last one repeated."""
    order = np.lexsort((-quality, cost), axis=-1)
    best = np.maximum.accumulate(np.take_along_axis(quality, order, -1), axis=-1)
    before = np.concatenate([np.full_like(best[..., :1], -np.inf), best[..., :-1]], axis=-1)
    rising = best > before
    order = np.take_along_axis(order, np.argsort(~rising, axis=-1, kind="stable"), -1)
    last = np.maximum(rising.sum(axis=-1, keepdims=True) - 1, 0)
    return np.take_along_axis(order, np.minimum(np.arange(cost.shape[-1]), last), -1)


def pareto_distance(cost: ArrayLike, quality: ArrayLike, all_cost: ArrayLike, all_quality: ArrayLike) -> float:
    """Mean distance of a router's points [T] to the frontier of the points [P] of every router compared.

    Both axes are scaled by the smallest and largest of all points (an axis without spread counts 0); the distance
    is Euclidean, to the nearest frontier point. LLMRouterBench's ParetoDist; the scaling is ours.

    >>> pareto_distance([1, 2], [0.5, 0.5], all_cost=[0, 1, 2], all_quality=[0.5, 0.5, 1.0])
    0.75
    """
    axes = [np.asarray(axis, np.float64) for axis in (all_cost, all_quality)]
    spans = [float(np.ptp(axis)) or np.inf for axis in axes]
    frontier = np.stack(pareto(*axes), axis=-1)  # (P, 2)
    points = np.stack([np.asarray(cost, np.float64), np.asarray(quality, np.float64)], axis=-1)  # (T, 2)
    gaps = (points[:, None, :] - frontier) / spans  # (T, P, 2)
    return float(np.linalg.norm(gaps, axis=-1).min(axis=1).mean())
