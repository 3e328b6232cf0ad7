"""RouterXBench's three bands of the weak-strong curve: few calls, middle performance, high performance."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from anabranch.training.metrics.pair import SMALLEST_GAP

_ROUNDING = 1e-9


class Bands(NamedTuple):
    """Low-band performance mean, middle-band performance mean, high-band call rate: higher is better for all."""

    lpm: float
    mpm: float
    hcr: float


def bands(share: ArrayLike, quality: ArrayLike) -> Bands:
    """Bands of a curve `share` [V], `quality` [V] (see `pair_curve`), read at the call rates 0, 0.01, ..., 1.

    LPM: mean quality at call rates up to 0.1. HCR: 1 - mean call rate where 70 to 90 % of the gap is recovered (0 if
    nowhere). MPM: mean quality where it exceeds that at call rate 0.1 and less than 70 % is recovered (0 if nowhere).
    Without a gap all are NaN. Wu et al. 2026, arXiv 2602.11877.

    >>> [round(band, 3) for band in bands([0, 1], [0.0, 1.0])]
    [0.05, 0.4, 0.2]
    """
    rate = np.arange(101) / 100
    curve = np.interp(rate, np.asarray(share, np.float64), np.asarray(quality, np.float64))
    gap = curve[-1] - curve[0]
    if abs(gap) < SMALLEST_GAP:
        return Bands(np.nan, np.nan, np.nan)
    low, high = curve[0] + 0.7 * gap - _ROUNDING, curve[0] + 0.9 * gap + _ROUNDING
    middle = curve[(curve > curve[10] + _ROUNDING) & (curve < low)]
    reached = rate[(curve >= low) & (curve <= high)]
    return Bands(
        lpm=float(curve[:11].mean()),
        mpm=float(middle.mean()) if middle.size else 0.0,
        hcr=float(1 - reached.mean()) if reached.size else 0.0,
    )
