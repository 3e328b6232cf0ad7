"""Non-decreasing concave hull (NDCH): the best quality at each mean cost that mixing a router's settings reaches.

RouterBench (Hu et al. 2024, arXiv 2403.12031) calls it the non-decreasing convex hull. It is the upper concave
envelope of the points, cut after its maximum and flat from there. A point on a segment is reached by tossing a coin
between the two settings at its ends.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.pareto import pareto

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Frontier:
    """Vertices of a hull, cheapest first: `cost` [V] strictly rising, `quality` [V] strictly rising."""

    cost: Floats
    quality: Floats

    def __call__(self, cost: ArrayLike) -> Floats:
        """Quality at each cost, in the shape of `cost`: NaN left of the first vertex, flat after the last."""
        at = np.asarray(cost, np.float64)
        return np.asarray(np.interp(at, self.cost, self.quality, left=np.nan), np.float64)


def ndch(cost: ArrayLike, quality: ArrayLike) -> Frontier:
    """Non-decreasing concave hull of points `cost` [T], `quality` [T]; points with a NaN are absent.

    Raises ValueError if no point is known.

    >>> frontier = ndch([1, 2, 3, 4, 6], [0.3, 0.6, 0.5, 0.7, 0.65])
    >>> frontier.cost.tolist(), frontier.quality.tolist(), round(float(frontier(3)), 3)
    ([1.0, 2.0, 4.0], [0.3, 0.6, 0.7], 0.65)
    """
    hull_cost, hull_quality = concave_hull(np.ravel(cost), np.ravel(quality))
    if np.isnan(hull_cost[0]):
        raise ValueError(f"none of {len(hull_cost)} points has both cost and quality; a hull needs at least one")
    vertex = np.append(True, np.diff(hull_cost) > 0)
    return Frontier(hull_cost[vertex], hull_quality[vertex])


def concave_hull(cost: ArrayLike, quality: ArrayLike) -> tuple[Floats, Floats]:
    """Hull vertices of each row of `cost` [..., T], `quality` [..., T], the last vertex repeated to width T.

    One monotone chain runs over all rows at once: O(T log T) a row. A row of absent points is NaN.

    >>> cost, quality = concave_hull([[0, 1, 2], [0, 1, 2]], [[0.0, 0.4, 1.0], [0.0, 0.6, 1.0]])
    >>> cost.tolist()
    [[0.0, 2.0, 2.0], [0.0, 1.0, 2.0]]
    """
    points = np.stack(pareto(cost, quality), axis=-1)
    shape, width = points.shape, points.shape[-2]
    hull, size = _monotone_chain(points.reshape(-1, width, 2))
    position = np.minimum(np.arange(width), size[:, None] - 1)  # (R, T)
    padded = np.take_along_axis(hull, position[..., None], axis=1).reshape(shape)
    return padded[..., 0], padded[..., 1]


def _monotone_chain(points: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Hull as a stack per row: (hull [R, T, 2], size [R]) of `points` [R, T, 2] as `pareto` sorts them."""
    if len(points) == 1:
        # arrays of one element would cost a hundred times the arithmetic
        hull_of_one = np.array(_chain_of_one(points[0].tolist()))
        return hull_of_one[None], np.array([len(hull_of_one)], np.intp)
    return _chains(points)


def _chain_of_one(points: list[list[float]]) -> list[list[float]]:
    """The hull of one row's points (cost, quality), as `_chains` makes it of many rows."""
    hull = points[:1]
    for cost, quality in points[1:]:
        if not cost > hull[-1][0]:
            continue  # a repeated last point is no new point
        while len(hull) >= 2:
            (start_cost, start_quality), (top_cost, top_quality) = hull[-2], hull[-1]
            rise, run = quality - start_quality, cost - start_cost
            if (top_quality - start_quality) * run > rise * (top_cost - start_cost):
                break
            hull.pop()
        hull.append([cost, quality])
    return hull


def _chains(points: Floats) -> tuple[Floats, NDArray[np.intp]]:
    hull, size = points.copy(), np.ones(len(points), np.intp)
    for t in range(1, points.shape[1]):
        rows = np.flatnonzero(points[:, t, 0] > points[:, t - 1, 0])  # a repeated last point is no new point
        _pop_hidden(hull, size, rows, points[:, t])
        hull[rows, size[rows]] = points[rows, t]
        size[rows] += 1
    return hull, size


def _pop_hidden(hull: Floats, size: NDArray[np.intp], rows: NDArray[np.intp], point: Floats) -> None:
    """Lower `size` past every vertex on or below the segment from the one before it to `point` [R, 2]."""
    while True:
        rows = rows[size[rows] >= 2]
        start = hull[rows, size[rows] - 2]
        run, rise = (point[rows] - start).T
        top_run, top_rise = (hull[rows, size[rows] - 1] - start).T
        rows = rows[top_rise * run <= rise * top_run]
        if not rows.size:
            return
        size[rows] -= 1
