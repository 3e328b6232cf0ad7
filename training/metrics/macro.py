"""Macro means: every task counts alike, whatever its number of prompts."""

import numpy as np
from numpy.typing import ArrayLike, NDArray


def macro_weights(tasks: ArrayLike) -> NDArray[np.float64]:
    """Weight of each prompt [n] that makes a weighted mean the mean of the task means; the mean weight is 1.

    Multiply bootstrap counts by them to bootstrap a macro mean, drawing within tasks (`strata`) to keep it exact.

    >>> macro_weights(["sums", "sums", "sums", "dates"]).round(3).tolist()
    [0.667, 0.667, 0.667, 2.0]
    """
    _, task, size = np.unique(np.asarray(tasks), return_inverse=True, return_counts=True)
    return np.asarray(len(task) / (len(size) * size[task]), np.float64)
