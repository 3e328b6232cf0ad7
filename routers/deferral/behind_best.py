"""How far a router's estimates are behind the best of the prompt."""

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.state import Floats


def behind_best(estimates: Floats) -> NDArray[np.float64]:
    """Each estimate less the best of its prompt, float64 [..., L]; -inf where unknown, 0 where all are.

    Routers differ in scale and in what they expect of all models alike; the latter is gone.

    >>> behind_best(np.array([[0.5, 0.75, np.nan], [np.nan, np.nan, np.nan]])).tolist()
    [[-0.25, 0.0, -inf], [0.0, 0.0, 0.0]]
    """
    known, unknown = np.asarray(estimates, np.float64), np.isnan(estimates)
    if unknown.any():
        known = np.where(unknown, np.where(unknown.all(axis=-1, keepdims=True), 0.0, -np.inf), known)
    return np.asarray(known - known.max(axis=-1, keepdims=True))
