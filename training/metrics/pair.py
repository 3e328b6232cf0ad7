"""Weak-strong routing (RouteLLM): performance gap recovered on the exact curve over the share of strong calls.

Ong et al. 2024, arXiv 2406.18665. The paper reads the curve at ten thresholds; here every prompt is a point, so there
is nothing to tune and ties are fair.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

# A smaller difference in mean quality between strong and weak is no gap to recover.
SMALLEST_GAP = 1e-9
# Sums of parts may miss by this much a level that they reach exactly.
ROUNDING = 1e-9

_BLOCK_CELLS = 2**22


def pair_curve(
    score: ArrayLike, weak: ArrayLike, strong: ArrayLike, weights: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Mean quality as prompts go to the strong model in order of falling `score`: (share [n + 1], quality [n + 1]).

    `score`, `weak` and `strong` are [n]: the router's wish for the strong model and the quality of each model.
    Prompts of equal score are shuffled in expectation, so a tie is a straight segment. `weights` [n] (default 1) count
    a prompt more than once. Prompts where any of the three is NaN are left out. Raises ValueError if none is left.

    >>> share, quality = pair_curve([0.9, 0.1], weak=[0.0, 1.0], strong=[1.0, 1.0])
    >>> share.tolist(), quality.tolist()
    ([0.0, 0.5, 1.0], [0.5, 1.0, 1.0])
    """
    score, weak, gain, weight = _known(score, weak, strong, weights)
    order = np.argsort(-score, kind="stable")
    share = np.append(0.0, np.cumsum(weight[order]))
    quality = weight @ weak + np.append(0.0, np.cumsum((weight * gain)[order]))
    ends = np.append(_tie_starts(score[order]), len(score))
    share /= share[-1]
    return share, np.asarray(np.interp(share, share[ends], quality[ends]), np.float64)


def pgr(quality: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> Floats:
    """Performance gap recovered, (quality - weak) / (strong - weak); NaN if that gap is below 1e-9.

    >>> round(float(pgr(0.8, weak=0.5, strong=0.9)), 3)
    0.75
    """
    quality, weak = np.asarray(quality, np.float64), np.asarray(weak, np.float64)
    gap = np.asarray(strong, np.float64) - weak
    flat = np.abs(gap) < SMALLEST_GAP
    return np.where(flat, np.nan, (quality - weak) / np.where(flat, 1.0, gap))


def apgr(share: ArrayLike, quality: ArrayLike) -> float:
    """Average PGR: area under PGR over the share of strong calls [0, 1]; 0.5 for a random router.

    `share` and `quality` are [V] as `pair_curve` returns them: the ends are the weak and the strong model. Raises
    ValueError unless share runs from 0 to 1.

    >>> round(apgr([0, 0.5, 1], [0.5, 0.8, 0.9]), 3)
    0.625
    """
    share, recovered = _recovered(share, quality)
    return float(np.trapezoid(recovered, share))


def oracle_apgr(weak: ArrayLike, strong: ArrayLike, weights: ArrayLike | None = None) -> float:
    """APGR of the perfect score, strong - weak: below 1 whenever more than no prompt needs the strong model.

    >>> oracle_apgr(weak=[0, 1], strong=[1, 1])
    0.75
    """
    perfect = np.asarray(strong, np.float64) - np.asarray(weak, np.float64)
    return apgr(*pair_curve(perfect, weak, strong, weights))


def cpt(share: ArrayLike, quality: ArrayLike, level: float) -> float:
    """Call-performance threshold: smallest share of strong calls with PGR >= `level` (0.5 is CPT 50 %); NaN if never.

    The crossing is linear between the curve's points.

    >>> round(cpt([0, 0.5, 1], [0.5, 0.8, 0.9], level=0.8), 3)
    0.6
    """
    share, recovered = _recovered(share, quality)
    reached = np.flatnonzero(recovered >= level - ROUNDING)
    if not reached.size:
        return float("nan")
    after = reached[0]
    if after == 0:
        return float(share[0])
    before = slice(after - 1, after + 1)
    return float(np.interp(level, recovered[before], share[before]))


def bootstrap_apgr(counts: ArrayLike, score: ArrayLike, weak: ArrayLike, strong: ArrayLike) -> Floats:
    """APGR of every bootstrap replicate [R]; `counts` [R, n] says how often each prompt was drawn.

    Summed in closed form over tie groups g in order of falling score: sum_g W_g (D_<g + D_g / 2) / (W D), where W_g is
    the group's weight and D_g its weighted gain of strong over weak; the segments left of a prompt add to its height.
    Replicates without a gap are NaN. Raises ValueError as `pair_curve` does.

    >>> bootstrap_apgr([[1, 1], [1, 3]], score=[0.9, 0.1], weak=[0, 0], strong=[1, 0]).tolist()
    [0.75, 0.875]
    """
    blocks, starts, gain = _sorted_blocks(counts, score, weak, strong)
    return np.concatenate([_apgr_of_groups(block, gain, starts) for block in blocks])


def bootstrap_cpt(
    counts: ArrayLike, score: ArrayLike, weak: ArrayLike, strong: ArrayLike, levels: Sequence[float]
) -> tuple[Floats, ...]:
    """CPT of every bootstrap replicate, one array [R] a level; `counts` [R, n] says how often each prompt was drawn.

    Replicates without a gap, or that never reach a level, are NaN. Raises ValueError as `pair_curve` does.

    >>> (half,) = bootstrap_cpt([[1, 1]], score=[0.9, 0.1], weak=[0, 0], strong=[1, 0], levels=(0.5,))
    >>> half.tolist()
    [0.25]
    """
    blocks, starts, gain = _sorted_blocks(counts, score, weak, strong)
    rows = [_cpt_of_groups(block, gain, starts, levels) for block in blocks]
    return tuple(np.concatenate(columns) for columns in zip(*rows, strict=True))


def _sorted_blocks(
    counts: ArrayLike, score: ArrayLike, weak: ArrayLike, strong: ArrayLike
) -> tuple[Iterator[Floats], NDArray[np.intp], Floats]:
    """Blocks of counts by falling score, where each tie group starts [G], and the gain of each prompt [n]."""
    drawn = np.asarray(counts)
    keep = ~np.isnan(np.sum([np.asarray(a, np.float64) for a in (score, weak, strong)], axis=0))
    score, _, gain, _ = _known(score, weak, strong, None)
    order = np.argsort(-score, kind="stable")
    columns, gain, starts = np.flatnonzero(keep)[order], gain[order], _tie_starts(score[order])
    step = max(1, _BLOCK_CELLS // drawn.shape[1])
    blocks = (drawn[i : i + step, columns].astype(np.float64) for i in range(0, len(drawn), step))
    return blocks, starts, gain


def _cpt_of_groups(weight: Floats, gain: Floats, starts: NDArray[np.intp], levels: Sequence[float]) -> list[Floats]:
    """CPT at each level of each row of `weight` [R, n], sorted by falling score."""
    share = _from_zero(np.add.reduceat(weight, starts, axis=1))  # (R, G + 1)
    gained = _from_zero(np.add.reduceat(weight * gain, starts, axis=1))
    total = share[:, -1]
    flat = np.abs(gained[:, -1]) <= SMALLEST_GAP * total  # also where nothing was drawn
    recovered = gained / np.where(flat, 1.0, gained[:, -1])[:, None]
    share = share / np.where(flat, 1.0, total)[:, None]
    return [np.where(flat, np.nan, _first_crossing(share, recovered, level)) for level in levels]


def _first_crossing(share: Floats, recovered: Floats, level: float) -> Floats:
    reached = recovered >= level - ROUNDING  # (R, G + 1); at level > 0 the first column never is
    after = np.maximum(reached.argmax(axis=1), 1)
    row = np.arange(len(share))
    low, high = recovered[row, after - 1], recovered[row, after]
    part = (level - low) / np.where(high == low, 1.0, high - low)
    crossing = share[row, after - 1] + part * (share[row, after] - share[row, after - 1])
    return np.where(reached.any(axis=1), crossing, np.nan)


def _from_zero(steps: Floats) -> Floats:
    return np.concatenate([np.zeros((len(steps), 1)), np.cumsum(steps, axis=1)], axis=1)


def _apgr_of_groups(weight: Floats, gain: Floats, starts: NDArray[np.intp]) -> Floats:
    """Closed-form APGR of each row of `weight` [R, n], sorted by falling score; `starts` [G] opens each tie group."""
    group_weight = np.add.reduceat(weight, starts, axis=1)  # (R, G)
    group_gain = np.add.reduceat(weight * gain, starts, axis=1)
    height = np.cumsum(group_gain, axis=1) - group_gain / 2
    total, gap = group_weight.sum(axis=1), group_gain.sum(axis=1)
    flat = np.abs(gap) <= SMALLEST_GAP * total  # also where nothing was drawn
    return np.where(flat, np.nan, (group_weight * height).sum(axis=1) / np.where(flat, 1.0, total * gap))


def _known(
    score: ArrayLike, weak: ArrayLike, strong: ArrayLike, weights: ArrayLike | None
) -> tuple[Floats, Floats, Floats, Floats]:
    """Score, weak quality, gain of strong over weak, and weight summing to 1, of the prompts that have all."""
    score, weak, strong = (np.asarray(a, np.float64) for a in (score, weak, strong))
    weight = np.ones_like(score) if weights is None else np.asarray(weights, np.float64)
    keep = ~(np.isnan(score) | np.isnan(weak) | np.isnan(strong))
    total = weight[keep].sum()
    if not total > 0 or weight.min() < 0:
        raise ValueError(
            f"{int(keep.sum())} of {len(score)} prompts have a score and both qualities, their weights sum to {total};"
            " a pair curve needs at least one, and no negative weight"
        )
    return score[keep], weak[keep], (strong - weak)[keep], weight[keep] / total


def _tie_starts(score: Floats) -> NDArray[np.intp]:
    return np.flatnonzero(np.append(True, score[1:] != score[:-1]))


def _recovered(share: ArrayLike, quality: ArrayLike) -> tuple[Floats, Floats]:
    share, quality = np.asarray(share, np.float64), np.asarray(quality, np.float64)
    if share[0] != 0 or share[-1] != 1:
        raise ValueError(f"share of strong calls runs from {share[0]} to {share[-1]}; it must run from 0 to 1")
    return share, pgr(quality, quality[0], quality[-1])
