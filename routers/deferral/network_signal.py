"""How sure an answer is by a small network on what is seen of it: what training leaves for serving, without torch."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

FARTHEST = 5.0
"""Standard deviations from the mean; what lies farther away tells no more."""


@dataclass(frozen=True)
class NetworkSignal:
    """One hidden layer of rectified units: bias + weights relu(hidden_bias + hidden z); higher is surer.

    z are the features less their means, in units of their scales, cut at `FARTHEST`. All numbers are float32 values, so
    that they are the same once written down.

    Args:
        signals: names of the answer's signals: the first features.
        estimates: models whose estimated quality, by a router before any call, are the features after them.
        means: F, of the features.
        scales: F, above 0.
        hidden: H rows of F weights.
        hidden_bias: H.
        weights: H.
        bias: added.

    >>> bent = NetworkSignal(("tokens",), (), (10.0,), (2.0,), ((1.0,), (-1.0,)), (0.0, 0.0), (-1.0, -1.0), 0.5)
    >>> bent([[10.0], [14.0], [6.0]]).tolist()  # half minus the distance from 10, in units of 2
    [0.5, -1.5, -1.5]
    """

    signals: tuple[str, ...]
    estimates: tuple[int, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    hidden: tuple[tuple[float, ...], ...]
    hidden_bias: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: ArrayLike) -> Floats:
        """Features [..., F] to signals [...]; NaN, which is not sure, where one of them is unknown or infinite."""
        means, scales, hidden, hidden_bias, weights = self._arrays
        given = np.asarray(features, np.float64)
        known = np.where(np.isfinite(given), given, np.nan)
        z = np.clip((known - means) / scales, -FARTHEST, FARTHEST)
        # summed row by row: a matrix product rounds one row otherwise than many
        units = np.maximum((z[..., None, :] * hidden).sum(axis=-1) + hidden_bias, 0.0)  # (..., H)
        return np.asarray((units * weights).sum(axis=-1) + self.bias)

    @cached_property
    def _arrays(self) -> tuple[Floats, ...]:
        parts = (self.means, self.scales, self.hidden, self.hidden_bias, self.weights)
        return tuple(np.array(part, np.float64) for part in parts)
