"""Average improvement in quality (AIQ): mean height of a router's non-decreasing concave hull."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.hull import concave_hull
from anabranch.training.metrics.polyline import anchored, mean_height, value_at
from anabranch.training.metrics.polyline import area as area_under

Floats = NDArray[np.float64]


def aiq(
    cost: ArrayLike,
    quality: ArrayLike,
    c_min: ArrayLike,
    c_max: ArrayLike,
    mode: Literal["paper", "rb_code"] = "paper",
    anchor: ArrayLike | None = None,
) -> Floats:
    """AIQ of points `cost` [..., T], `quality` [..., T]: one number per row, in the unit of quality.

    `c_min` and `c_max` are shared by the routers compared: the mean costs of the cheapest and of the dearest single
    model (numbers, or one per row). With mode "paper", the hull's mean height on [c_min, c_max]; a router whose points
    all cost more than c_min gets the point (c_min, `anchor`), `anchor` being the cheapest model's quality, and is NaN
    without one. With mode "rb_code" (RouterBench's script) the area from the router's own first vertex to c_max,
    divided by c_max: what lies left of that vertex counts 0, and c_min and anchor are unused. An empty interval
    gives the hull's quality there. Raises ValueError on another mode or when c_max < c_min.

    Hu et al. 2024, arXiv 2403.12031.

    >>> round(float(aiq([1, 2, 3, 4, 6], [0.3, 0.6, 0.5, 0.7, 0.65], c_min=1, c_max=6)), 3)
    0.63
    """
    if mode == "paper":
        return mean_height(*concave_hull(*anchored(cost, quality, c_min, anchor)), c_min, c_max)
    if mode == "rb_code":
        return _area_from_zero(*concave_hull(cost, quality), np.asarray(c_max, np.float64))
    raise ValueError(f"unknown AIQ mode {mode!r}; known modes: paper, rb_code")


def _area_from_zero(cost: Floats, quality: Floats, c_max: Floats) -> Floats:
    share = area_under(cost, quality, 0.0, c_max) / np.where(c_max > 0, c_max, 1.0)
    return np.where(c_max > 0, share, value_at(cost, quality, c_max))
