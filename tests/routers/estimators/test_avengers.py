"""Two prompts at (1, 0) and two at (0, 1): two clusters, in which three arms rank differently."""

from math import exp

import pytest
import torch

from anabranch.routers.estimators.avengers import Avengers, ranks
from tests.routers.estimators.batches import NAN, batch_of, fitted

EMBEDDING = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
QUALITY = [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0]]
"""Means 1, 1/2, 0 in the first cluster and 0, 1/2, 1 in the second."""


def avengers(nearest: int, sharpness: float = 3.0) -> Avengers:
    table = batch_of(EMBEDDING, QUALITY, usage=[[1.0, 2.0, 4.0]] * 2 + [[3.0, 4.0, 6.0]] * 2)
    return fitted(Avengers(2, 3, clusters=2, nearest=nearest, sharpness=sharpness), table)


def test_a_rank_earns_one_over_itself_and_a_tenth() -> None:
    """Ranks from 0: 1 / 0.1, 1 / 1.1 and 1 / 2.1."""
    found = avengers(nearest=1)(torch.tensor([[2.0, 0.1], [0.1, 2.0]])).quality
    first = [10.0, 1 / 1.1, 1 / 2.1]
    torch.testing.assert_close(found, torch.tensor([first, first[::-1]]))


def test_scores_are_added_over_the_nearest_clusters_by_softmax() -> None:
    """Cosine distances of (0.8, 0.6) are 0.2 and 0.4; at beta 3 the nearer weighs 1 / (1 + e^-0.6)."""
    near = 1 / (1 + exp(-0.6))
    found = avengers(nearest=2)(torch.tensor([[0.8, 0.6]]))
    expected = [10 * near + (1 - near) / 2.1, 1 / 1.1, near / 2.1 + 10 * (1 - near)]
    assert found.quality[0].tolist() == pytest.approx(expected, rel=1e-5)
    # usage is mixed alike: 1, 2, 4 in the nearer cluster and two more each in the other
    assert found.usage[0].tolist() == pytest.approx([u + 2 * (1 - near) for u in (1, 2, 4)], rel=1e-5)


def test_arms_that_tie_share_the_better_rank_and_unknown_arms_are_last() -> None:
    """Two better than the third, three than the fourth, of which nothing is known."""
    assert ranks(torch.tensor([[0.7, 0.7, 0.2, NAN]])).tolist() == [[0.0, 0.0, 2.0, 3.0]]


def test_ranks_throw_margins_away() -> None:
    """A lead of 0.9 and one of 0.01 earn the same."""
    assert ranks(torch.tensor([[0.95, 0.05], [0.51, 0.5]])).tolist() == [[0.0, 1.0], [0.0, 1.0]]
