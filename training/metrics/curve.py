"""A router's cost-quality curve from recorded outcomes, for the data as they are or for every bootstrap replicate.

A router is its choices [n, T]: the arm it picks for each of n prompts at each of T settings of its knob. A chosen cell
is missing when its quality, or its cost where costs are given, is NaN; the prompt is then left out of both means at
that setting, so that a point speaks of one set of prompts, and `coverage` is the share that stayed in.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.aiq import aiq
from anabranch.training.metrics.bootstrap import masked_mean, weighted_sums
from anabranch.training.metrics.deferral import audc, peak_quality, qnc

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """Mean quality, mean cost in USD (None without costs) and coverage at each setting: all [T], or [R, T]."""

    quality: Floats
    cost_usd: Floats | None
    coverage: Floats


@dataclass(frozen=True)
class CurveMetrics:
    """AIQ, area under the deferral curve, quality-neutral cost and peak quality: all scalars, or [R]."""

    aiq: Floats
    audc: Floats
    qnc: Floats
    peak: Floats


def router_curve(
    quality: ArrayLike, cost_usd: ArrayLike | None, choices: ArrayLike, weights: ArrayLike | None = None
) -> Curve:
    """Curve of `choices` [n, T] over outcomes `quality` [n, A] and `cost_usd` [n, A] (or None).

    `weights` [n] weigh the prompts (see `macro_weights`); by default they count alike. Raises ValueError on a choice
    outside the arms or on shapes that disagree.

    >>> curve = router_curve([[0.0, 1.0], [1.0, 1.0]], [[1, 9], [1, 9]], choices=[[0, 1], [0, 0]])
    >>> curve.quality.tolist(), curve.cost_usd.tolist(), curve.coverage.tolist()
    ([0.5, 1.0], [1.0, 5.0], [1.0, 1.0])
    """
    rows = np.ones(len(np.asarray(choices))) if weights is None else np.asarray(weights, np.float64)
    curve = bootstrap_curve(rows[None, :], quality, cost_usd, choices)
    cost = None if curve.cost_usd is None else curve.cost_usd[0]
    return Curve(curve.quality[0], cost, curve.coverage[0])


def bootstrap_curve(counts: ArrayLike, quality: ArrayLike, cost_usd: ArrayLike | None, choices: ArrayLike) -> Curve:
    """Curve [R, T] in every bootstrap replicate; `counts` [R, n] as `resample_counts` draws them.

    Curves made with the same counts are paired: subtract them. Errors are those of `router_curve`.

    >>> curve = bootstrap_curve([[2, 0], [0, 2]], [[0.0, 1.0], [1.0, 1.0]], None, choices=[[0], [1]])
    >>> curve.quality.tolist(), curve.cost_usd
    ([[0.0], [1.0]], None)
    """
    return cells_curve(counts, _chosen(quality, choices), None if cost_usd is None else _chosen(cost_usd, choices))


def cells_curve(counts: ArrayLike, quality: ArrayLike, cost_usd: ArrayLike | None) -> Curve:
    """Curve [R, T] of cells that are chosen already: what each prompt got and cost at each setting, [n, T].

    It is `bootstrap_curve` for what is no choice of one arm, as a cascade, whose cost is that of several calls. Raises
    ValueError on shapes that disagree.

    >>> curve = cells_curve([[1, 1]], [[0.0, 1.0], [1.0, np.nan]], [[1, 6], [1, 6]])
    >>> curve.quality.tolist(), curve.cost_usd.tolist(), curve.coverage.tolist()
    ([[0.5, 1.0]], [[1.0, 6.0]], [[1.0, 0.5]])
    """
    parts = [np.asarray(part, np.float64) for part in ((quality,) if cost_usd is None else (quality, cost_usd))]
    if parts[0].ndim != 2 or parts[0].shape != parts[-1].shape:
        raise ValueError(f"quality {parts[0].shape} and cost {parts[-1].shape} must both be [n, T]")
    cells = np.stack(parts)  # (1 or 2, n, T)
    known = ~np.isnan(cells).any(axis=0)  # (n, T)
    counts = np.asarray(counts)
    total = counts.sum(axis=1, dtype=np.float64, keepdims=True)  # (R, 1)
    sizes = np.broadcast_to(total, (len(counts), known.shape[1]))  # (R, T)
    if not known.all():
        cells, sizes = np.where(known, cells, 0.0), weighted_sums(counts, known)
    sums = weighted_sums(counts, np.concatenate(list(cells), axis=1))  # (R, T or 2 T)
    means = [masked_mean(part, sizes) for part in np.split(sums, len(cells), axis=1)]
    return Curve(means[0], means[1] if len(means) > 1 else None, sizes / total)


def arms_curve(quality: ArrayLike, cost_usd: ArrayLike | None, counts: ArrayLike | None = None) -> Curve:
    """Each single model as one point: curve [A], or [R, A] with bootstrap `counts` [R, n].

    Its non-decreasing concave hull is the best router that does not read the prompt (the zero router).

    >>> arms_curve([[0.0, 1.0], [0.5, 1.0]], [[1, 9], [1, 7]]).cost_usd.tolist()
    [1.0, 8.0]
    """
    n, arms = np.shape(quality)
    choices = np.broadcast_to(np.arange(arms), (n, arms))
    if counts is None:
        return router_curve(quality, cost_usd, choices)
    return bootstrap_curve(counts, quality, cost_usd, choices)


def curve_metrics(router: Curve, arms: Curve, best: int | None = None) -> CurveMetrics:
    """AIQ, AUDC, QNC and peak of `router` [T] or [R, T] against the single models `arms` [A] or [R, A].

    The cost interval runs from the cheapest to the dearest single model, anchored at the quality of the cheapest (of
    equals, the better). `best` is the arm of the best single model, chosen beforehand; None takes the arm of highest
    quality (of equals, the cheaper), in each replicate anew. Without costs only the peak is known and the rest is NaN.

    >>> arms = arms_curve([[0.0, 1.0]], [[1.0, 5.0]])
    >>> metrics = curve_metrics(Curve(np.array([0.0, 1.0]), np.array([1.0, 3.0]), np.ones(2)), arms)
    >>> float(metrics.aiq), float(metrics.qnc), float(metrics.peak)
    (0.75, 0.6, 1.0)
    """
    peak = peak_quality(router.quality)
    if router.cost_usd is None or arms.cost_usd is None:
        unknown = np.full_like(peak, np.nan)
        return CurveMetrics(unknown, unknown, unknown, peak)
    c_min, anchor, c_max = _cost_interval(arms.cost_usd, arms.quality)
    best_cost, best_quality = _best_single(arms.cost_usd, arms.quality, best)
    return CurveMetrics(
        aiq=aiq(router.cost_usd, router.quality, c_min, c_max, anchor=anchor),
        audc=audc(router.cost_usd, router.quality, c_min, c_max, anchor=anchor),
        qnc=qnc(router.cost_usd, router.quality, best_cost, best_quality),
        peak=peak,
    )


def _cost_interval(cost: Floats, quality: Floats) -> tuple[Floats, Floats, Floats]:
    """Lowest mean cost of an arm, the quality there, and the highest mean cost; arms without cost are absent."""
    low = np.fmin.reduce(cost, axis=-1, keepdims=True)
    anchor = np.fmax.reduce(np.where(cost == low, quality, np.nan), axis=-1)
    return low[..., 0], anchor, np.fmax.reduce(cost, axis=-1)


def _best_single(cost: Floats, quality: Floats, best: int | None) -> tuple[Floats, Floats]:
    if best is not None:
        return cost[..., best], quality[..., best]
    top = np.fmax.reduce(quality, axis=-1, keepdims=True)
    return np.fmin.reduce(np.where(quality == top, cost, np.nan), axis=-1), top[..., 0]


def _chosen(table: ArrayLike, choices: ArrayLike) -> Floats:
    """Cells of `table` [n, A] at `choices` [n, T]."""
    table, choices = np.asarray(table), np.asarray(choices)
    if choices.ndim != 2 or table.ndim != 2 or len(choices) != len(table):
        raise ValueError(f"outcomes {table.shape} and choices {choices.shape} must be [n, A] and [n, T]")
    if choices.size and not 0 <= choices.min() <= choices.max() < table.shape[1]:
        raise ValueError(f"choices {choices.min()}..{choices.max()} must be arms 0..{table.shape[1] - 1}")
    return np.take_along_axis(table, choices, axis=1).astype(np.float64)
