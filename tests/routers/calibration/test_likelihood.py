"""The likeliest sigmoid."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.calibration.likelihood import sigmoid_fit, smoothed


def test_platts_targets() -> None:
    """Two good, one bad: (2 + 1) / (2 + 2) = 3/4 and 1 / (1 + 2) = 1/3; a half good one lies half way, 13/24."""
    assert smoothed(torch.tensor([1.0, 1.0, 0.0])).tolist() == pytest.approx([3 / 4, 3 / 4, 1 / 3])
    # 1.5 good and 0.5 bad: 2.5 / 3.5 and 1 / 2.5, and their mean
    assert smoothed(torch.tensor([1.0, 0.5])).tolist() == pytest.approx([5 / 7, (5 / 7 + 2 / 5) / 2])


def test_a_line_through_two_log_odds() -> None:
    """Chances 1/4 at x = -1 and 9/10 at x = 1: shift (ln 9 - ln 3) / 2, slope (ln 9 + ln 3) / 2."""
    features = torch.tensor([[-1.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    slope, shift = sigmoid_fit(features, torch.tensor([0.25, 0.9], dtype=torch.float64)).tolist()
    assert slope == pytest.approx((math.log(9) + math.log(3)) / 2, abs=1e-9)
    assert shift == pytest.approx((math.log(9) - math.log(3)) / 2, abs=1e-9)


@given(st.lists(st.tuples(st.floats(-30, 30), st.floats(0.01, 0.99)), min_size=2, max_size=30))
def test_the_gradient_vanishes(points: list[tuple[float, float]]) -> None:
    """Convexity: a zero gradient is the minimum."""
    x, target = torch.tensor(points, dtype=torch.float64).T
    features = torch.stack([x, torch.ones_like(x)], dim=1)
    weight = sigmoid_fit(features, target)
    gradient = features.T @ ((features @ weight).sigmoid() - target)
    assert weight.isfinite().all()
    assert float(gradient.abs().max()) < 1e-5
