"""How often a student says what the large model would have said, known from calls alone."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Weighted(NamedTuple):
    """A weighted mean.

    Args:
        value: NaN if nothing is known.
        error: its standard error, the weights taken as given; NaN if fewer than two count.
        effective: how many equally weighted queries would tell as much.
    """

    value: float
    error: float
    effective: float


class StudentAccuracy(NamedTuple):
    """Agreement of the student with the large model.

    Args:
        everywhere: over all queries that could have been called while there was a student.
        where_it_answers: over those that were left to the student then; NaN if exploring tells nothing of them.
    """

    everywhere: Weighted
    where_it_answers: Weighted


def student_accuracy(agreed: ArrayLike, propensity: ArrayLike, *, explored: bool = True) -> StudentAccuracy:
    """The student's accuracy from the queries that were called, each weighted by those that it stands for.

    Called queries are the hard ones, so their plain mean is too low. A query called with chance p stands for 1 / p
    queries, of which 1 / p - 1 were left to the student. The weights are normalised, so the means are consistent rather
    than unbiased.

    Args:
        agreed: [n], of called queries: 1 if the student would have said the same, 0 if not, NaN if it said nothing.
        propensity: [n] in (0, 1], the chance with which each was called.
        explored: whether every query that was left to the student might have been called. If not, no call stands for
            those that could not.

    Three hard queries that were sure to be called, of which the student knew one, and two explored at a chance of 1/4,
    both known. They stand for 3 and 8 queries, 9 of 11 known, and the student was left with 6.

    >>> found = student_accuracy([0, 0, 1, 1, 1], [1, 1, 1, 0.25, 0.25])
    >>> round(found.everywhere.value, 3), found.where_it_answers.value
    (0.818, 1.0)
    """
    said, chance = np.asarray(agreed, np.float64), np.asarray(propensity, np.float64)
    known = ~np.isnan(said)
    left = 1 / chance[known] - 1 if explored else np.zeros(known.sum())
    return StudentAccuracy(_mean(said[known], 1 / chance[known]), _mean(said[known], left))


def _mean(values: np.ndarray, weight: np.ndarray) -> Weighted:
    total = weight.sum()
    if not total > 0:
        return Weighted(np.nan, np.nan, 0.0)
    value = float(weight @ values / total)
    spread = float(np.sqrt((weight**2) @ (values - value) ** 2) / total)
    return Weighted(value, spread if (weight > 0).sum() > 1 else np.nan, float(total**2 / (weight @ weight)))
