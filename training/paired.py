"""The paired bootstrap over prompts that every figure of a report shares."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.bootstrap import bootstrap_means, interval, resample_counts
from anabranch.training.report.contents import Interval

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Paired:
    """How often each of n prompts was drawn: once each in row 0, then R bootstrap replicates.

    All figures use the same draws, so differences are paired. Row 0 makes value and replicates one computation.

    Args:
        counts: float64 [1 + R, n], wide already, as every figure multiplies by them.
        level: of the intervals.
    """

    counts: Floats
    level: float = 0.95

    @classmethod
    def draw(cls, prompts: int, replicates: int, seed: int, level: float = 0.95) -> "Paired":
        """Fresh draws over n prompts."""
        drawn = resample_counts(prompts, replicates, np.random.default_rng(seed))
        counts = np.ones((1 + replicates, prompts))
        counts[1:] = drawn
        return cls(counts, level)

    def means(self, values: ArrayLike) -> Floats:
        """Means of [n] or [n, K] values: [1 + R] or [1 + R, K]; NaN cells are left out."""
        columns = np.asarray(values, np.float64)
        means = bootstrap_means(self.counts, columns.reshape(len(columns), -1))
        return means[:, 0] if columns.ndim == 1 else means

    def interval(self, figures: Floats, level: float | None = None) -> Interval:
        """The interval of a figure computed in every row, [1 + R].

        >>> Paired(np.ones((3, 2))).interval(np.array([0.5, 0.4, 0.6]))
        Interval(value=0.5, low=0.4, high=0.6)
        """
        low, high = interval(figures[1:], self.level if level is None else level)
        return Interval(float(figures[0]), float(low), float(high))

    def intervals(self, columns: Mapping[str, ArrayLike]) -> dict[str, Interval]:
        """The mean of each column [n] and its interval, all in one pass over the draws."""
        if not columns:
            return {}
        means = self.means(np.stack([np.asarray(column, np.float64) for column in columns.values()], axis=1))
        return {name: self.interval(means[:, at]) for at, name in enumerate(columns)}
