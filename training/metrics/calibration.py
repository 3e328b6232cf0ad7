"""Calibration of predicted qualities: ECE, Brier score, log-loss, AUROC, reliability table.

`predicted` and `observed` are [n] for one arm or [n, A]; with several arms each is measured by itself and the mean
over the arms is returned (`per_arm` keeps them apart). Observed quality may be soft, in [0, 1]; cells where either
is NaN are skipped, and so are arms for which the metric is undefined.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
ArmMetric = Callable[[Floats, Floats], float]

# What float32 cannot tell apart: the closest a prediction may come to 0 or 1 in the log-loss.
CLOSEST = 1e-7


class Reliability(NamedTuple):
    """One row a bin that is not empty: mean prediction, mean observation, number of prompts; each [bins]."""

    predicted: Floats
    observed: Floats
    prompts: NDArray[np.intp]


def reliability(predicted: ArrayLike, observed: ArrayLike, bins: int = 15, equal_mass: bool = True) -> Reliability:
    """Reliability table of one arm, `predicted` [n] and `observed` [n]; flatten both to pool the arms.

    Bins hold equally many prompts (equal predictions share a bin, so the order of prompts is irrelevant), or with
    `equal_mass=False` are equally wide on [0, 1].

    >>> table = reliability([0.1, 0.3, 0.9, 0.9], [0, 1, 1, 1], bins=2)
    >>> table.predicted.tolist(), table.observed.tolist(), table.prompts.tolist()
    ([0.2, 0.9], [0.5, 1.0], [2, 2])
    """
    p, y = _known(np.asarray(predicted, np.float64), np.asarray(observed, np.float64))
    position = np.searchsorted(np.sort(p), p) / max(len(p), 1) if equal_mass else p
    index = np.clip(position * bins, 0, bins - 1).astype(np.intp)
    count = np.bincount(index, minlength=bins)
    full = count > 0
    mean_p, mean_y = (np.bincount(index, values, bins)[full] / count[full] for values in (p, y))
    return Reliability(mean_p, mean_y, count[full])


def ece(predicted: ArrayLike, observed: ArrayLike, bins: int = 15, equal_mass: bool = True) -> float:
    """Expected calibration error: mean over prompts of |mean observed - mean predicted| in their bin.

    >>> round(ece([0.1, 0.3, 0.9, 0.9], [0, 1, 1, 1], bins=2), 3)
    0.2
    """

    def one(p: Floats, y: Floats) -> float:
        table = reliability(p, y, bins, equal_mass)
        return float(table.prompts @ np.abs(table.observed - table.predicted) / len(p))

    return _mean_over_arms(one, predicted, observed)


def brier(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Brier score: mean squared difference.

    >>> round(brier([0.8, 0.4], [1, 0]), 3)
    0.1
    """
    return _mean_over_arms(lambda p, y: float(np.mean((p - y) ** 2)), predicted, observed)


def log_loss(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Cross-entropy in nats, predictions kept 1e-7 away from 0 and 1.

    >>> round(log_loss([0.5, 0.5], [1, 0]), 4)
    0.6931
    """

    def one(p: Floats, y: Floats) -> float:
        p = np.clip(p, CLOSEST, 1 - CLOSEST)
        return float(-np.mean(y * np.log(p) + (1 - y) * np.log1p(-p)))

    return _mean_over_arms(one, predicted, observed)


def auroc(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Area under the ROC curve: chance that a good prompt is predicted above a bad one, ties counting one half.

    Soft observations are good at 0.5 and above. NaN if all are good or none is.

    >>> auroc([0.9, 0.5, 0.5, 0.1], [1, 1, 0, 0])
    0.875
    """

    def one(p: Floats, y: Floats) -> float:
        good = y >= 0.5
        pairs = good.sum() * (~good).sum()
        _, tie, size = np.unique(p, return_inverse=True, return_counts=True)
        rank = (np.cumsum(size) - (size - 1) / 2)[tie]  # ties share their mean rank
        above = rank[good].sum() - good.sum() * (good.sum() + 1) / 2
        return float(above / pairs) if pairs else float("nan")

    return _mean_over_arms(one, predicted, observed)


def calibration_slope(predicted: ArrayLike, observed: ArrayLike) -> float:
    """Least-squares slope of observed on predicted quality: 1 if calibrated, below 1 if overconfident.

    NaN for a prediction constant within 1e-7.

    >>> round(calibration_slope([0.0, 1.0], [0.25, 0.75]), 3)
    0.5
    """

    def one(p: Floats, y: Floats) -> float:
        spread = p - p.mean()
        return float(spread @ y / (spread @ spread)) if np.ptp(p) > CLOSEST else float("nan")

    return _mean_over_arms(one, predicted, observed)


def per_arm(metric: Callable[..., float], predicted: ArrayLike, observed: ArrayLike) -> Floats:
    """A metric of this file for each arm by itself, [A]; NaN where it is undefined.

    >>> per_arm(brier, [[0.5, 1.0]], [[1.0, 1.0]]).tolist()
    [0.25, 0.0]
    """
    p, y = np.asarray(predicted, np.float64), np.asarray(observed, np.float64)
    return np.array([metric(p[:, arm], y[:, arm]) for arm in range(p.shape[1])])


def _mean_over_arms(metric: ArmMetric, predicted: ArrayLike, observed: ArrayLike) -> float:
    p, y = np.asarray(predicted, np.float64), np.asarray(observed, np.float64)
    if p.shape != y.shape:
        raise ValueError(f"predicted {p.shape} and observed {y.shape} must have one shape, [n] or [n, A]")
    columns = zip(np.atleast_2d(p.T), np.atleast_2d(y.T), strict=True)
    known = [pair for pair in (_known(*column) for column in columns) if len(pair[0])]
    values = np.array([metric(*pair) for pair in known], np.float64)
    values = values[~np.isnan(values)]
    return float(values.mean()) if values.size else float("nan")


def _known(p: Floats, y: Floats) -> tuple[Floats, Floats]:
    keep = ~(np.isnan(p) | np.isnan(y))
    return p[keep], y[keep]
