"""Cosines to the query (1, 0) are the first coordinates of these unit rows: 1, 0.8, 0.6 and 0."""

from math import cos, sin, sqrt
from typing import Literal

import pytest
import torch

from anabranch.routers.estimators.knn import KNN
from tests.routers.estimators.batches import NAN, batch_of, fitted

INDEX = [[1.0, 0.0], [0.8, 0.6], [0.6, 0.8], [0.0, 1.0]]
QUERY = torch.tensor([[1.0, 0.0]])

Weights = Literal["triangular", "uniform"]


def knn(quality: list[float], k: int, weights: Weights = "triangular", usage: list[float] | None = None) -> KNN:
    table = batch_of(INDEX, [[cell] for cell in quality], usage=None if usage is None else [[cell] for cell in usage])
    return fitted(KNN(2, 1, k=k, weights=weights), table)


def test_triangular_weights_fall_to_zero_at_the_next_neighbour() -> None:
    """k = 2: weights 1 - 0.6 and 0.8 - 0.6, so the mean of 1 and 0 is 0.4 / 0.6 = 2/3; usage (0.4 * 3 + 0.2 * 6) / 0.6.

    Variance 2/3 * 1/3; one over the effective number (0.4^2 + 0.2^2) / 0.6^2 = 5/9; spread sqrt(2/9 * 5/9).
    """
    found = knn([1.0, 0.0, 0.0, 1.0], k=2, usage=[3.0, 6.0, 99.0, 99.0])(QUERY)
    assert found.quality.item() == pytest.approx(2 / 3, abs=1e-4)
    assert found.usage.item() == pytest.approx(4.0, abs=0.01)
    assert found.spread.item() == pytest.approx(sqrt(10 / 81), abs=1e-4)


def test_uniform_weights_are_the_plain_mean_of_k() -> None:
    """(1 + 0) / 2; standard error sqrt(0.25 / 2)."""
    found = knn([1.0, 0.0, 0.0, 1.0], k=2, weights="uniform")(QUERY)
    assert found.quality.item() == 0.5
    assert found.spread.item() == pytest.approx(sqrt(0.125), abs=1e-4)


def test_length_does_not_matter() -> None:
    estimator = knn([1.0, 0.0, 0.0, 1.0], k=2)
    torch.testing.assert_close(estimator(5 * QUERY).quality, estimator(QUERY).quality)


def test_neighbours_who_do_not_know_are_left_out() -> None:
    """Of the nearest two, the second alone knows: 0.25."""
    found = knn([NAN, 0.25, 1.0, 1.0], k=2, weights="uniform")(QUERY)
    assert found.quality.item() == 0.25


@pytest.mark.parametrize("weights", ["triangular", "uniform"])
def test_the_overall_mean_answers_where_no_neighbour_knows(weights: Weights) -> None:
    """k = 1; the two nearest are unknown, the mean of the others is (0.25 + 0.75) / 2."""
    found = knn([NAN, NAN, 0.25, 0.75], k=1, weights=weights)(QUERY)
    assert found.quality.item() == 0.5
    assert found.spread.item() == 0.0


def test_duplicates_share_their_weight() -> None:
    """Three equal prompts: (1 + 0 + 0.5) / 3."""
    estimator = fitted(KNN(2, 1, k=2), batch_of([[1.0, 0.0]] * 3, [[1.0], [0.0], [0.5]]))
    assert estimator(QUERY).quality.item() == pytest.approx(0.5)


def test_rows_that_tie_at_the_edge_all_count() -> None:
    """k = 1, and two prompts are equally near: (1 + 0) / 2, whichever is listed first."""
    index = [[0.8, 0.6], [0.8, -0.6], [0.0, 1.0]]
    for quality in ([1.0, 0.0, 1.0], [0.0, 1.0, 1.0]):
        estimator = fitted(KNN(2, 1, k=1, weights="uniform"), batch_of(index, [[cell] for cell in quality]))
        assert estimator(QUERY).quality.item() == 0.5


def test_with_fewer_prompts_than_k_the_farthest_is_the_next_neighbour() -> None:
    """As k = 3 of these four: weights 1, 0.8 and 0.6, all less 0, and none for the last."""
    found = knn([1.0, 0.0, 0.0, 1.0], k=64)(QUERY)
    assert found.quality.item() == pytest.approx(1 / 2.4, abs=1e-4)


@pytest.mark.parametrize(("weights", "jumps"), [("triangular", False), ("uniform", True)])
def test_triangular_weights_do_not_jump_when_neighbours_change_places(weights: Weights, jumps: bool) -> None:
    """Two prompts at the same angle on both sides; turning by 1e-4 makes the other one the k-th neighbour."""
    index = [[1.0, 0.0], [cos(0.5), sin(0.5)], [cos(0.5), -sin(0.5)]]
    estimator = fitted(KNN(2, 1, k=2, weights=weights), batch_of(index, [[0.0], [1.0], [0.0]]))
    queries = torch.tensor([[cos(1e-4), sin(1e-4)], [cos(1e-4), -sin(1e-4)]])
    above, below = estimator(queries).quality.flatten().tolist()
    assert (abs(above - below) > 0.01) == jumps


def test_a_prompt_asked_often_is_one_neighbour() -> None:
    """k = 1 and (1, 0) was asked 100 times, right in a quarter: 1/4, though its repetitions fill k many times over."""
    estimator = fitted(
        KNN(2, 1, k=1, weights="uniform"),
        batch_of([[1.0, 0.0]] * 100 + INDEX[1:], [[float(place % 4 == 0)] for place in range(100)] + [[1.0]] * 3),
    )
    assert len(estimator.index) == 4
    assert estimator(QUERY).quality.item() == pytest.approx(0.25)


@pytest.mark.parametrize("weights", ["triangular", "uniform"])
def test_the_overall_mean_answers_where_nothing_tells_prompts_apart(weights: Weights) -> None:
    """An empty embedding is equally near to all of 99 prompts, a third of which are right, in whatever order."""
    angles = [place / 100 for place in range(99)]
    table = batch_of([[cos(one), sin(one)] for one in angles], [[float(place % 3 == 0)] for place in range(99)])
    found = fitted(KNN(2, 1, k=4, weights=weights), table)(torch.zeros(1, 2))
    assert found.quality.item() == pytest.approx(1 / 3)
