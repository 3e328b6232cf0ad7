"""How sure an answer is as an affine map of what is seen of it: what post-hoc deferral leaves for serving."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AffineSignal:
    """How sure an answer is as an affine map of what is seen of it: bias + weights (features - means); higher is surer.

    Args:
        signals: names of the answer's signals: the first features.
        estimates: models whose estimated quality, by a router before any call, are the features after them.
        means: F, of the features.
        weights: F.
        bias: added.

    >>> AffineSignal(("logprob_mean", "tokens"), (), (-1.0, 10.0), (2.0, -0.5), 0.25)([-0.5, 12.0]).item()
    0.25
    """

    signals: tuple[str, ...]
    estimates: tuple[int, ...]
    means: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: ArrayLike) -> Floats:
        """Features [..., F] to signals [...]; NaN, which is not sure, where one of them is unknown or infinite."""
        given = np.asarray(features, np.float64)
        known = np.where(np.isfinite(given), given, np.nan)
        # summed row by row: a matrix product rounds one row otherwise than many
        return np.asarray(((known - self.means) * self.weights).sum(axis=-1) + self.bias)
