"""The student of a neural cache: a softmax regression on frozen embeddings, one class an answer."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Floats = NDArray[np.float64]
MOST_STEPS = 1000  # of L-BFGS; a few dozen are usual


@dataclass(frozen=True, eq=False)
class Student:
    """Which of K answers a text gets.

    Args:
        weights: float64 [K, D].
        bias: float64 [K].
    """

    weights: Floats
    bias: Floats

    def logits(self, embedding: Floats) -> Floats:
        """The answers' logits, [B, K] for unit embeddings [B, D] and [K] for one [D]."""
        return np.asarray(embedding @ self.weights.T + self.bias)


def fit_student(embedding: Floats, target: Floats, penalty: float) -> Student:
    """The student with the least cross entropy to its targets and the least penalty on its weights.

    It is convex, so that equal lessons make equal students wherever they are fitted: no seed, no held-out lessons, of
    which a young cache has none to spare, and no learning rate that would suit 100 lessons and not 10,000.

    Args:
        embedding: float64 [n, D], unit rows.
        target: float64 [n, K], rows that sum to 1: how often each answer was given.
        penalty: above 0; half of it times the squared weights is added to the summed cross entropy. Biases are free.

    Two lessons at 1 and -1 that differ. By symmetry the weights are w and -w, and the slope vanishes where
    penalty = 2 / (w (1 + exp(2 w))): at penalty 1 / log 3 the logits differ by log 3.

    >>> student = fit_student(np.array([[1.0], [-1.0]]), np.eye(2), penalty=1 / np.log(3))
    >>> float(np.ptp(student.logits(np.array([1.0]))).round(4))
    1.0986
    """
    classes, width = target.shape[1], embedding.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        student = _student(flat, classes, width)
        log_p = log_softmax(student.logits(embedding), axis=1)  # [n, K]
        error = np.exp(log_p) - target
        slope = np.concatenate([(error.T @ embedding + penalty * student.weights).ravel(), error.sum(axis=0)])
        return float(-(target * log_p).sum() + penalty / 2 * (student.weights**2).sum()), slope

    options = {"maxiter": MOST_STEPS, "maxfun": 2 * MOST_STEPS, "gtol": 1e-6, "ftol": 1e-12}
    found = minimize(loss, np.zeros(classes * (width + 1)), jac=True, method="L-BFGS-B", options=options)
    return _student(found.x, classes, width)


def _student(flat: Floats, classes: int, width: int) -> Student:
    return Student(flat[: classes * width].reshape(classes, width), flat[classes * width :])
