from math import exp

import pytest
import torch

from anabranch.routers.estimators.nadaraya_watson import NadarayaWatson, best_bandwidth
from tests.routers.estimators.batches import NAN


def fitted(point: list[float], value: list[list[float]], bandwidth: float | None = None) -> NadarayaWatson:
    regression = NadarayaWatson(len(value[0]), bandwidth)
    regression.fit(torch.tensor(point), torch.tensor(value))
    return regression


def test_values_are_averaged_by_a_gaussian_kernel() -> None:
    """At 0 the points 0 and 2 weigh 1 and exp(-2^2 / 2); half way they weigh alike."""
    found = fitted([0.0, 2.0], [[0.5], [1.0]], bandwidth=1.0)(torch.tensor([0.0, 1.0]))
    assert found.flatten().tolist() == pytest.approx([(0.5 + exp(-2)) / (1 + exp(-2)), 0.75])


def test_the_bandwidth_is_the_kernels_standard_deviation() -> None:
    """Half the width, four times the exponent: exp(-8)."""
    found = fitted([0.0, 2.0], [[0.5], [1.0]], bandwidth=0.5)(torch.tensor([0.0]))
    assert found.item() == pytest.approx((0.5 + exp(-8)) / (1 + exp(-8)))


def test_far_away_the_nearest_point_speaks() -> None:
    """Both kernels would underflow; their ratio does not."""
    found = fitted([0.0, 0.1], [[0.5], [1.0]], bandwidth=0.01)(torch.tensor([2.0]))
    assert found.item() == pytest.approx(1.0)


def test_unknown_values_count_for_nothing() -> None:
    found = fitted([0.0, 2.0], [[NAN, 0.5, NAN], [0.7, 0.9, NAN]], bandwidth=1.0)(torch.tensor([1.0]))[0]
    assert found[:2].tolist() == pytest.approx([0.7, 0.7]) and found[2].isnan()


def test_the_bandwidth_is_chosen_by_leaving_out() -> None:
    """Pairs at 0 and at 1 that agree within and differ between: narrow. Values without order: wide."""
    point = torch.tensor([0.0, 0.001, 1.0, 1.001])
    assert best_bandwidth(point, torch.tensor([[0.5], [0.5], [0.9], [0.9]])) < 0.32
    assert best_bandwidth(point, torch.tensor([[0.5], [0.9], [0.5], [0.9]])) == 1.28


def test_a_single_point_is_the_answer_everywhere() -> None:
    assert fitted([0.3], [[0.6]])(torch.tensor([0.0, 5.0])).flatten().tolist() == pytest.approx([0.6, 0.6])
