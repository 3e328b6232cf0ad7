import math

import pytest
import torch

from anabranch.routers.estimators.familiarity import FEWEST, Familiarity, familiar, limits_of


def on_circle(angle: float) -> torch.Tensor:
    return torch.tensor([[math.cos(angle), math.sin(angle)]])


def arc(prompts: int) -> torch.Tensor:
    """Unit rows at 0, 0.01, 0.02 and so on."""
    return torch.cat([on_circle(0.01 * number) for number in range(prompts)])


def test_the_distance_is_to_the_nearest_prompt() -> None:
    """Prompts from 0 to 0.59; -1 is 1 away from the first of them, and the mean of all is nothing to it."""
    found = Familiarity(2)
    found.fit(arc(60), seed=0)
    assert found.distance(on_circle(-1.0)).item() == pytest.approx(1 - math.cos(1.0), abs=1e-6)
    assert found.distance(on_circle(0.25)).item() == pytest.approx(0.0, abs=1e-6)


def test_no_more_prompts_are_kept_than_asked_for() -> None:
    found = Familiarity(2, landmarks=10)
    found.fit(arc(60), seed=0)
    assert found.index.shape == (10, 2)
    assert all(any(torch.equal(row, one) for one in arc(60)) for row in found.index)


def test_an_empty_prompt_is_far_from_everything() -> None:
    found = Familiarity(2)
    found.fit(arc(60), seed=0)
    assert found.distance(torch.zeros(1, 2)).tolist() == [1.0]


def test_few_prompts_leave_everything_familiar() -> None:
    found = Familiarity(2)
    found.fit(arc(FEWEST - 1), seed=0)
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
