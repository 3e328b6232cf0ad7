"""Half squared distances of e = (0.8, 0.6) to the centres, less 1/2: to (1, 0) 0.5 - 0.8 = -0.3; to (0, 1) -0.1."""

from math import exp

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.assignment import soft_assignment

UNIT = torch.tensor([[0.8, 0.6]])
CENTRES = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])


def test_weights_are_the_softmax_over_the_nearest() -> None:
    """beta = 10: e^3 to e^1, so 1 / (1 + e^-2); the third centre is not among the nearest two."""
    found = soft_assignment(UNIT, CENTRES, nearest=2, sharpness=10.0)[0].tolist()
    assert found == pytest.approx([1 / (1 + exp(-2)), 1 / (1 + exp(2)), 0.0])


def test_without_sharpness_the_nearest_count_alike() -> None:
    assert soft_assignment(UNIT, CENTRES, nearest=2, sharpness=0.0).tolist() == [[0.5, 0.5, 0.0]]


def test_more_than_all_clusters_are_all() -> None:
    """Distances -0.3, -0.1 and 0.5 + 0.8 = 1.3 at beta 1."""
    total = exp(0.3) + exp(0.1) + exp(-1.3)
    found = soft_assignment(UNIT, CENTRES, nearest=9, sharpness=1.0)[0].tolist()
    assert found == pytest.approx([exp(0.3) / total, exp(0.1) / total, exp(-1.3) / total])


def test_a_short_centre_is_as_near_as_k_means_says() -> None:
    """|e - c|^2 is 0.25 + 0.09 = 0.34 for (0.3, 0.3) and 0.04 + 0.36 = 0.4 for (1, 0); 1 - c.e would be 0.58 to 0.2."""
    centres = torch.tensor([[1.0, 0.0], [0.3, 0.3]])
    assert soft_assignment(UNIT, centres, nearest=1, sharpness=3.0).tolist() == [[0.0, 1.0]]


def test_the_zero_vector_belongs_to_all_centres_of_one_length() -> None:
    """The empty text: no centre is nearer than another."""
    found = soft_assignment(torch.zeros(1, 2), CENTRES, nearest=1, sharpness=9.0)[0].tolist()
    assert found == pytest.approx([1 / 3] * 3)


@given(seed=st.integers(0, 1000), nearest=st.integers(1, 6), sharpness=st.floats(0.1, 50))
def test_a_nearer_centre_never_counts_less(seed: int, nearest: int, sharpness: float) -> None:
    """Distances by torch.cdist, another way than the function's."""
    draws = torch.Generator().manual_seed(seed)
    unit = torch.nn.functional.normalize(torch.randn(3, 4, generator=draws), dim=1)
    centres = torch.randn(5, 4, generator=draws)
    weight = soft_assignment(unit, centres, nearest, sharpness)
    by_distance = weight.gather(1, torch.cdist(unit, centres).argsort(dim=1))
    assert (by_distance.diff(dim=1) <= 1e-6).all()
    assert (weight > 0).sum(dim=1).max() <= min(nearest, 5)
    torch.testing.assert_close(weight.sum(dim=1), torch.ones(3))
