from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.discovered import closeness, discovered, rank_weight
from anabranch.routers.estimators.estimator import normalised


def weights(score: list[float], ranks: int, decay: float) -> list[float]:
    found: list[float] = rank_weight(torch.tensor([score]), ranks, decay)[0].tolist()
    return found


def test_ranks_decay_and_stop() -> None:
    """1, 0.8 and 0.64 of 2.44 for the three highest; the fourth has nothing."""
    expected = [0.8 / 2.44, 0.0, 1 / 2.44, 0.64 / 2.44]
    assert weights([3.0, -1.0, 7.0, 0.0], ranks=3, decay=0.8) == pytest.approx(expected)


def test_equal_scores_share_the_better_rank() -> None:
    """Two at rank 0, then rank 2, for which there is no place: 1/2 each."""
    assert weights([1.0, 0.0, 1.0], ranks=2, decay=0.5) == pytest.approx([0.5, 0.0, 0.5])


def test_fewer_labels_than_ranks_are_all_there_are() -> None:
    assert weights([5.0], ranks=3, decay=0.8) == [1.0]


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=6), st.integers(1, 4), st.floats(0.1, 1.0))
def test_weights_sum_to_one_and_fall_with_the_score(score: list[int], ranks: int, decay: float) -> None:
    found = weights([float(part) for part in score], ranks, decay)
    assert sum(found) == pytest.approx(1.0, abs=1e-5)
    by_score = [weight for _, weight in sorted(zip(score, found, strict=True), reverse=True)]
    assert all(after <= before + 1e-6 for before, after in pairwise(by_score))


def test_the_closest_centre_is_the_nearest() -> None:
    """Centres of k-means lie inside the sphere, so the cosine alone would be wrong."""
    draws = torch.Generator().manual_seed(0)
    unit, centres = normalised(torch.randn(50, 3, generator=draws)), torch.rand(5, 3, generator=draws)
    assert closeness(unit, centres).argmax(dim=1).equal(torch.cdist(unit, centres).argmin(dim=1))


def test_groups_are_discovered() -> None:
    unit = normalised(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.1], [0.1, 1.0]]))
    first, second, third, fourth = discovered(unit, 2, seed=0).tolist()
    assert first == third != second == fourth
