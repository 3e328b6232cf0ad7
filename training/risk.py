"""Sets of arms that hold an acceptable one for all but a share alpha of prompts: the threshold that makes them so.

A set holds the arms whose estimate reaches tau, and the most confident arm. It loses a prompt if none of its arms is
acceptable; a higher tau makes sets smaller and never wins a prompt back. What is chosen on n prompts holds for further
ones like them: on average over calibrations ("crc"), or in all but a share delta of calibrations ("ltt").
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import beta

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

TAUS: Floats = np.linspace(0.0, 1.0, 1001)
"""Thresholds tried, fixed beforehand; at 0 every arm is called."""


@dataclass(frozen=True)
class Controlled:
    """A threshold and the risk it was chosen at.

    Args:
        tau: the largest threshold that keeps the risk; the lowest if none does.
        holds: whether the risk is kept; if not, every arm is called and that was not enough.
        risk: share of the calibration prompts that are lost at tau.
        prompts: how many calibrated it.
    """

    tau: float
    holds: bool
    risk: float
    prompts: int


def acceptable(quality: ArrayLike, slack: float = 0.0, least: float = 0.5) -> Bools:
    """Which arms answered well enough: within `slack` of the best known answer to the prompt, and `least` or more.

    Args:
        quality: [N, A], observed; an unknown cell is not acceptable.
        slack: how much worse than the best an answer may be.
        least: quality below which no answer is acceptable, even the best; a prompt without any is unsolvable.

    >>> acceptable([[1.0, 0.9, 0.2], [0.2, 0.1, 0.0]], slack=0.1).tolist()
    [[True, True, False], [False, False, False]]
    """
    known = np.nan_to_num(np.asarray(quality, np.float64), nan=-np.inf)
    best = known.max(axis=1, keepdims=True)
    # rounding of float32 labels must not make 0.9 worse than 1 - 0.1
    return np.asarray((known >= best - slack - 1e-6) & (known >= least))


def lost(
    estimate: ArrayLike,
    good: Bools,
    arm: ArrayLike,
    taus: Floats = TAUS,
    *,
    unsolvable: Literal["lost", "excluded"],
) -> Bools:
    """Where the set of each threshold holds no acceptable arm; [n, T], from False to True along rising thresholds.

    Args:
        estimate: [N, A], estimated quality.
        good: [N, A], the acceptable arms.
        arm: int [N], the most confident arm, which every set holds.
        taus: float64 [T], rising.
        unsolvable: what becomes of a prompt without an acceptable arm. "lost" counts it at every threshold, so no
            alpha below the share of such prompts can be kept; "excluded" leaves it out (n < N), and the risk is then
            that of solvable prompts.

    >>> good = np.array([[False, True], [False, False]])
    >>> lost([[0.9, 0.4], [0.9, 0.4]], good, [0, 0], np.array([0.0, 0.5]), unsolvable="lost").tolist()
    [[False, True], [True, True]]
    """
    cells, every = np.asarray(estimate, np.float64), np.arange(len(good))
    # up to which threshold the set holds an acceptable arm
    reach = np.where(good, cells, -np.inf).max(axis=1)
    reach = np.where(good[every, np.asarray(arm)], np.inf, reach)
    if unsolvable == "excluded":
        reach = reach[good.any(axis=1)]
    return np.asarray(reach[:, None] < taus)


def tau_crc(losses: Bools, alpha: float, taus: Floats = TAUS) -> Controlled:
    """Conformal risk control (Angelopoulos et al. 2022): the mean risk over calibrations is at most alpha.

    The largest tau with n / (n + 1) * risk + 1 / (n + 1) <= alpha, as if one more prompt had been lost. The promise
    needs that calling every arm loses no prompt, which is so when unsolvable ones are excluded.

    Args:
        losses: bool [n, T], from False to True along each row.
        alpha: share of prompts that may be lost.
        taus: float64 [T], rising.

    Raises:
        ValueError: alpha is not between 0 and 1, no prompt is left, or a loss falls as tau rises.

    >>> losses = np.array([[False, False, True]] * 2 + [[False, False, False]] * 17)
    >>> tau_crc(losses, 0.15, np.array([0.0, 0.5, 1.0])).tau, tau_crc(losses, 0.14, np.array([0.0, 0.5, 1.0])).tau
    (1.0, 0.5)
    """
    counts, prompts = _counts(losses, alpha)
    return _largest(with_one_more(counts, prompts) <= alpha, counts, prompts, taus)


def tau_ltt(losses: Bools, alpha: float, delta: float = 0.05, taus: Floats = TAUS) -> Controlled:
    """Learn then test (Angelopoulos et al. 2021): with probability 1 - delta the risk is at most alpha.

    The largest tau up to which every upper confidence bound of the risk (Clopper-Pearson, one-sided, 1 - delta) is at
    most alpha; thresholds are tested one after another from the safest on, so delta is spent once.

    Args:
        losses: bool [n, T], from False to True along each row.
        alpha: share of prompts that may be lost.
        delta: share of calibrations that may break the promise.
        taus: float64 [T], rising.

    Raises:
        ValueError: alpha or delta is not between 0 and 1, no prompt is left, or a loss falls as tau rises.

    >>> losses = np.array([[False, True]] + [[False, False]] * 45)
    >>> tau_ltt(losses, 0.1, 0.05, np.array([0.0, 1.0])).tau, tau_ltt(losses[:-1], 0.1, 0.05, np.array([0.0, 1.0])).tau
    (1.0, 0.0)
    """
    if not 0 < delta < 1:
        raise ValueError(f"delta is {delta:g}; it must lie between 0 and 1")
    counts, prompts = _counts(losses, alpha)
    return _largest(upper_bound(counts, prompts, delta) <= alpha, counts, prompts, taus)


def upper_bound(lost_prompts: ArrayLike, prompts: int, delta: float) -> Floats:
    """Clopper and Pearson's upper bound of a share at confidence 1 - delta, of k in n; 1 if all are lost.

    With nothing lost it solves (1 - p)^n = delta.

    >>> upper_bound([0, 10], 10, 0.05).round(4).tolist()
    [0.2589, 1.0]
    """
    k = np.asarray(lost_prompts, np.float64)
    return np.where(k < prompts, beta.ppf(1 - delta, k + 1, np.maximum(prompts - k, 0.5)), 1.0)


def with_one_more(total: ArrayLike, prompts: int) -> Floats:
    """Mean loss as if one more prompt had lost all: what conformal risk control keeps at or below alpha.

    >>> with_one_more([0.0, 1.5], prompts=9).tolist()
    [0.1, 0.25]
    """
    return np.asarray((np.asarray(total, np.float64) + 1) / (prompts + 1))


def unbroken(kept: Bools) -> int:
    """How many are kept from the first on before one is not: where a test of one after another stops.

    >>> unbroken(np.array([True, True, False, True])), unbroken(np.array([True, True]))
    (2, 2)
    """
    return len(kept) if kept.all() else int(np.argmin(kept))


def _counts(losses: Bools, alpha: float) -> tuple[NDArray[np.int64], int]:
    """Lost prompts a threshold, and all prompts."""
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha:g}; the share of prompts that may be lost must lie between 0 and 1")
    if not len(losses):
        raise ValueError("no prompt is left to calibrate a risk on: none has an arm that is acceptable")
    if (losses[:, :-1] & ~losses[:, 1:]).any():
        raise ValueError("a loss falls as tau rises; sets must shrink and losses grow along the columns")
    return losses.sum(axis=0), len(losses)


def _largest(kept: Bools, counts: NDArray[np.int64], prompts: int, taus: Floats) -> Controlled:
    """The last threshold of the run of kept ones that begins at the lowest."""
    run = unbroken(kept)
    at = max(run - 1, 0)
    return Controlled(float(taus[at]), run > 0, float(counts[at]) / prompts, prompts)
