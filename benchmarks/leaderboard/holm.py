"""Holm's step-down correction for many comparisons on one set of prompts."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values [m]: those at most alpha are significant, all of them together at level alpha.

    Sorted upwards, the i-th of m (from 0) is multiplied by m - i, kept at or above the one before it and at or below 1.
    A NaN is no comparison and stays NaN. Holm 1979, Scandinavian Journal of Statistics 6(2).

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    given = np.asarray(p_values, np.float64)
    known = np.flatnonzero(~np.isnan(given))
    order = known[np.argsort(given[known], kind="stable")]
    stepped = np.maximum.accumulate(given[order] * np.arange(len(order), 0, -1))
    adjusted = np.full(given.shape, np.nan)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
