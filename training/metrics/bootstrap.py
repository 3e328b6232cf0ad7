"""Paired bootstrap over prompts, as counts: one draw of prompts serves every router, arm and knob setting.

Drawing prompts again and again equals weighting each by the number of times it was drawn, so all means of all
replicates are one matrix product. Routers measured with the same counts are paired.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.float32]
Indices = NDArray[np.intp]

# Cells of one block of replicates: 64 MB as float64, whatever the number of replicates.
_BLOCK_CELLS = 2**23


def resample_counts(
    n: int,
    replicates: int,
    rng: np.random.Generator,
    groups: ArrayLike | None = None,
    strata: ArrayLike | None = None,
) -> Counts:
    """How often each of `n` prompts is drawn in each replicate, float32 [replicates, n].

    Each replicate draws as many as there are, with replacement. With `groups` [n] (labels of prompts that share a
    template or conversation) whole groups are drawn, so a replicate's size varies. With `strata` [n] (such as tasks)
    each stratum is drawn by itself and keeps its number of groups. Raises ValueError if there is nothing to draw or a
    group lies in two strata.

    >>> resample_counts(4, 2, np.random.default_rng(0)).sum(axis=1).tolist()
    [4.0, 4.0]
    """
    if n < 1 or replicates < 1:
        raise ValueError(f"{replicates} replicates of {n} prompts: both must be at least 1")
    unit = np.arange(n) if groups is None else np.unique(np.asarray(groups), return_inverse=True)[1]
    members = _members(unit, strata)
    counts = np.empty((replicates, n), np.float32)
    drawn = np.empty((max(1, _BLOCK_CELLS // n), int(unit.max()) + 1), np.float32)
    for start in range(0, replicates, len(drawn)):
        block = drawn[: replicates - start]
        for units in members:
            block[:, units] = _multinomial(len(units), len(block), rng)
        counts[start : start + len(block)] = block if groups is None else block[:, unit]
    return counts


def _members(unit: Indices, strata: ArrayLike | None) -> list[Indices]:
    """Units of each stratum; `unit` [n] numbers the group of each prompt."""
    if strata is None:
        return [np.arange(unit.max() + 1)]
    stratum = np.unique(np.asarray(strata), return_inverse=True)[1]
    home = np.empty(unit.max() + 1, np.intp)
    home[unit] = stratum
    stray = np.flatnonzero(home[unit] != stratum)
    if stray.size:
        raise ValueError(f"the group of prompt {stray[0]} lies in two strata; a group must lie in one")
    return [np.flatnonzero(home == s) for s in range(int(stratum.max()) + 1)]


def _multinomial(size: int, replicates: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Times each of `size` units is drawn in `size` draws, [replicates, size]."""
    draws = rng.integers(0, size, (replicates, size))
    draws += size * np.arange(replicates)[:, None]
    return np.bincount(draws.ravel(), minlength=replicates * size).reshape(replicates, size)


def weighted_sums(counts: ArrayLike, values: ArrayLike) -> Floats:
    """Sums of `values` [n, K] weighted by each row of `counts` [R, n], in float64 [R, K].

    Counts that are not float64 are widened a block of rows at a time: the extra memory is 64 MB and, unless `values`
    are float64 already, their float64 copy. Many columns at once are much faster than many calls, as every call reads
    all counts. Raises ValueError if the numbers of prompts differ.

    >>> weighted_sums([[1, 2]], [[0.5], [1.0]]).tolist()
    [[2.5]]
    """
    counts, values = np.asarray(counts), np.asarray(values, np.float64)
    if counts.shape[1:] != values.shape[:1]:
        raise ValueError(f"counts {counts.shape} and values {values.shape} must agree: [R, n] and [n, K]")
    sums = np.empty((len(counts), values.shape[1]))
    step = max(1, _BLOCK_CELLS // counts.shape[1])
    for start in range(0, len(counts), step):
        np.matmul(np.asarray(counts[start : start + step], np.float64), values, out=sums[start : start + step])
    return sums


def bootstrap_means(counts: ArrayLike, values: ArrayLike) -> Floats:
    """Mean of every column of `values` [n, K] in every replicate of `counts` [R, n]: [R, K].

    A NaN cell is left out of its column's mean (sum of the known over their count); a replicate that drew no known cell
    is NaN.

    >>> bootstrap_means([[1, 1], [2, 0]], [[1.0, np.nan], [0.0, 3.0]]).tolist()
    [[0.5, 3.0], [1.0, nan]]
    """
    counts, values = np.asarray(counts), np.asarray(values, np.float64)
    missing = np.isnan(values)
    if missing.any():
        return masked_mean(weighted_sums(counts, np.where(missing, 0.0, values)), weighted_sums(counts, ~missing))
    return masked_mean(weighted_sums(counts, values), counts.sum(axis=1, dtype=np.float64, keepdims=True))


def masked_mean(sums: Floats, known: Floats) -> Floats:
    """Sums over the known cells divided by their number (or weight); NaN where none is known.

    >>> masked_mean(np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    return np.asarray(np.divide(sums, known, out=np.full_like(sums, np.nan), where=known > 0))


def interval(samples: ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Percentile interval (low, high) of replicates [R, ...], one for each trailing cell.

    Both ends are replicates, rounded outwards, so infinite values (a quality out of reach) are fine. NaN replicates are
    left out; the ends are NaN if all are. Raises ValueError unless 0 < level < 1.

    >>> [float(end) for end in interval(np.arange(101), level=0.9)]
    [5.0, 95.0]
    """
    if not 0 < level < 1:
        raise ValueError(f"level {level} must lie between 0 and 1, as in 0.95")
    ranked = np.sort(np.asarray(samples, np.float64), axis=0)  # NaN last
    last = np.maximum((~np.isnan(ranked)).sum(axis=0, keepdims=True) - 1, 0)
    tail = (1 - level) / 2
    # rounding first: 0.05 * 100 is 5.000000000000004
    low = np.floor(np.round(last * tail, 9)).astype(np.intp)
    return np.take_along_axis(ranked, low, 0)[0], np.take_along_axis(ranked, last - low, 0)[0]


def paired_p_value(differences: ArrayLike) -> Floats:
    """One-sided bootstrap p-value that a mean difference is not above 0, from its replicates [R, ...].

    (1 + number of replicates not above 0) / (R + 1); a NaN replicate counts as not above 0.

    >>> float(paired_p_value([0.1] * 98 + [-0.1]))
    0.02
    """
    samples = np.asarray(differences, np.float64)
    return np.asarray((1 + (~(samples > 0)).sum(axis=0)) / (len(samples) + 1))


def sign_flip_p_value(
    differences: ArrayLike,
    rng: np.random.Generator,
    permutations: int = 2000,
    groups: ArrayLike | None = None,
) -> float:
    """One-sided permutation p-value that the mean paired difference is not above 0, from prompts [n].

    Each permutation swaps the two routers on a random half of the prompts, or of the `groups` [n]; the p-value is
    (1 + number of sums at least the observed one) / (permutations + 1). NaN differences are left out.

    >>> sign_flip_p_value([0.0, 0.0], np.random.default_rng(0))
    1.0
    """
    values: Floats = np.nan_to_num(np.asarray(differences, np.float64))
    if groups is not None:
        group = np.unique(np.asarray(groups), return_inverse=True)[1]
        values = np.asarray(np.bincount(group, weights=values), np.float64)
    observed = values.sum() - 1e-9 * np.abs(values).sum()  # equal sums stay equal in another order
    step, reached = max(1, _BLOCK_CELLS // max(len(values), 1)), 0
    for start in range(0, permutations, step):
        flips = rng.integers(0, 2, (min(step, permutations - start), len(values)), dtype=np.int8)
        reached += int(np.sum((2.0 * flips - 1.0) @ values >= observed))
    return (1 + reached) / (permutations + 1)
