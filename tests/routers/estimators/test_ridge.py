import pytest
import torch

from anabranch.routers.estimators.ridge import Ridge
from tests.routers.estimators.batches import NAN, batch_of, fitted

CROSS = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]


def test_estimates_by_hand() -> None:
    """Quality: X'y = (0.4, -0.4) over 2 + 2, mean 0.5, so at (1, 1) 0.5 and at (1, -1) 0.7.

    Residuals are 0.1 in size, sigma^2 = 0.04 / 3; (1, 1, 1) has x' A^-1 x = 3/4; spread sqrt(0.01). Usage is ten
    times quality.
    """
    quality = [[0.7], [0.3], [0.3], [0.7]]
    estimator = fitted(Ridge(2, 1, l2=2.0), batch_of(CROSS, quality, usage=[[7.0], [3.0], [3.0], [7.0]]))
    found = estimator(torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
    assert found.quality.flatten().tolist() == pytest.approx([0.5, 0.7], abs=1e-5)
    assert found.usage.flatten().tolist() == pytest.approx([5.0, 7.0], abs=1e-4)
    assert found.spread.flatten().tolist() == pytest.approx([0.1, 0.1], abs=1e-5)


def test_quality_is_clipped_to_its_range_and_usage_to_0() -> None:
    """Far away the line leaves [0, 1]: weights (0.1, -0.1) at (100, 0) give 10.5, at (-100, 0) less than 0."""
    quality = [[0.7], [0.3], [0.3], [0.7]]
    estimator = fitted(Ridge(2, 1, l2=2.0), batch_of(CROSS, quality, usage=[[7.0], [3.0], [3.0], [7.0]]))
    found = estimator(torch.tensor([[100.0, 0.0], [-100.0, 0.0]]))
    assert found.quality.flatten().tolist() == [1.0, 0.0]
    assert found.usage[1].item() == 0.0


def test_the_spread_of_an_arm_comes_from_the_rows_it_is_known_on() -> None:
    """Arm 1 was never tried at (0, 1) or (0, -1), so there its gram matrix is the penalty alone: A = diag(4, 2, 2).

    It is known as 0.4 and 0.2: X'y = 0.2 over 4, mean 0.3, residuals 0.05, sigma^2 = 0.005 over 2 - 1. At (0, 1):
    1/2 + 1/2 for arm 1, spread sqrt(0.005); arm 0, known everywhere, has 1/4 + 1/4 and sigma^2 = 0.04 / 3.
    """
    quality = [[0.7, 0.4], [0.3, NAN], [0.3, 0.2], [0.7, NAN]]
    found = fitted(Ridge(2, 2, l2=2.0), batch_of(CROSS, quality))(torch.tensor([[0.0, 1.0]]))
    assert found.spread[0].tolist() == pytest.approx([(0.04 / 3 / 2) ** 0.5, 0.005**0.5], abs=1e-5)
