import pytest
import torch

from anabranch.routers.estimators.familiarity import FEWEST, Familiarity, familiar, limits_of

CROSS = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [0.0, -0.5]]).repeat(15, 1)


def test_distance_is_measured_by_the_spread_around_the_centre() -> None:
    """One centre at 0; variances 1/2 and 1/8, and 0.3 of their mean 5/16 on both: 0.59375 and 0.21875."""
    found = Familiarity(2, clusters=1)
    found.fit(CROSS, seed=0)
    assert found.distance(torch.eye(2)).tolist() == pytest.approx([1 / 0.59375, 1 / 0.21875], rel=1e-4)
    assert found.distance(torch.zeros(1, 2)).item() == pytest.approx(0.0, abs=1e-6)


def test_the_nearest_centre_counts() -> None:
    """Four clusters of equal prompts spread nowhere, so the sphere 1e-6 is all: 0.01 aside is 0.0001 / 1e-6."""
    found = Familiarity(2, clusters=4)
    found.fit(CROSS, seed=0)
    assert found.distance(CROSS[:4]).abs().max().item() < 1.0
    assert found.distance(torch.tensor([[1.0, 0.01]])).item() == pytest.approx(100.0, abs=2.0)


def test_equal_prompts_do_not_break_the_covariance() -> None:
    found = Familiarity(3, clusters=8)
    found.fit(torch.tensor([[0.6, 0.8, 0.0]]).repeat(60, 1), seed=0)
    distance = found.distance(torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]))
    assert distance.isfinite().all() and distance[0].abs() < 1.0 < distance[1]


def test_few_prompts_leave_everything_familiar() -> None:
    found = Familiarity(2)
    found.fit(CROSS[: FEWEST - 1], seed=0)
    assert found(torch.tensor([[1.0, 0.0], [-0.6, 0.8], [0.0, 0.0]])).tolist() == [1.0, 1.0, 1.0]


def test_limits_are_quantiles_and_between_them_familiarity_falls() -> None:
    """Distances 0 to 100: the limits are 75 and 95; 80 is a quarter of the way."""
    limits = limits_of(torch.arange(101.0), 0.75, 0.95)
    assert limits.tolist() == [75.0, 95.0]
    found = familiar(torch.tensor([0.0, 75.0, 80.0, 85.0, 95.0, 1e6]), limits)
    assert found.tolist() == pytest.approx([1.0, 1.0, 0.75, 0.5, 0.0, 0.0])


def test_the_last_rungs_find_nothing_familiar() -> None:
    """A distance is at least 0, but for rounding."""
    assert familiar(torch.tensor([-0.5, 0.0, 3.0]), limits_of(torch.arange(101.0), 0.0, 0.0)).tolist() == [0.0] * 3
