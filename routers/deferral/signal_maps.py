"""Maps of a signal to the chance that the answer is right: what a fitted calibration leaves for serving.

Higher signals never map lower. What is unknown or infinite stays unknown, NaN: not sure. Results are float32, as a
`ReplayTable` keeps them, so that a threshold that is one of them means the same online.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Chances = NDArray[np.float32]


@dataclass(frozen=True)
class Steps:
    """A staircase: constant from one edge up to the next, and below the first as on it.

    Args:
        edges: K signals, ascending; K at least 1.
        values: K chances in [0, 1], ascending.

    >>> Steps((-1.0, 0.0), (0.25, 0.75))([-3.0, -0.5, 0.0, np.nan]).tolist()
    [0.25, 0.25, 0.75, nan]
    """

    edges: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, signal: ArrayLike) -> Chances:
        """Chances [...] of signals [...]."""
        given = np.asarray(signal, np.float64)
        step = np.searchsorted(self.edges, given, side="right") - 1
        return _where_known(given, np.array(self.values)[step.clip(min=0)])


@dataclass(frozen=True)
class Sigmoid:
    """The sigmoid of slope signal + shift.

    Args:
        slope: at least 0.
        shift: the log odds at signal 0.

    >>> Sigmoid(2.0, 1.0)([-0.5, np.nan]).tolist()
    [0.5, nan]
    """

    slope: float
    shift: float

    def __call__(self, signal: ArrayLike) -> Chances:
        """Chances [...] of signals [...]."""
        given = np.asarray(signal, np.float64)
        log_odds = self.slope * np.where(np.isfinite(given), given, 0.0) + self.shift
        return _where_known(given, 0.5 + 0.5 * np.tanh(log_odds / 2))


SignalMap = Steps | Sigmoid


def _where_known(signal: NDArray[np.float64], chance: NDArray[np.float64]) -> Chances:
    return np.where(np.isfinite(signal), chance, np.nan).astype(np.float32)
