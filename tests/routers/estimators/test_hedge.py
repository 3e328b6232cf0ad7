import pytest
import torch

from anabranch.routers.estimators.hedge import Hedge, Rung, significantly_worse
from tests.routers.estimators.batches import NAN


def hedge(mean: list[float], keep: float = 0.5, demand: float = 0.05) -> Hedge:
    made = Hedge(len(mean))
    made.set(torch.tensor(mean), Rung(0.75, 0.95, keep, demand))
    return made


def test_departures_fade_as_prompts_get_unfamiliar() -> None:
    """Means 0.5 and 0.6, so arm 1 is the default and pays no toll; departures 0.2 and -0.1.

    Familiar: all of them, 0.7 and 0.5. Half: 0.75 of them and half the toll, 0.5 + 0.15 - 0.025 and 0.6 - 0.075.
    Not: half of them and the toll, 0.5 + 0.1 - 0.05 and 0.6 - 0.05.
    """
    found = hedge([0.5, 0.6])(torch.tensor([[0.2, -0.1]] * 3), torch.tensor([1.0, 0.5, 0.0]))
    torch.testing.assert_close(found, torch.tensor([[0.7, 0.5], [0.625, 0.525], [0.55, 0.55]]))


def test_quality_stays_in_its_range() -> None:
    """0.9 + 0.3 and 0.1 - 0.4."""
    assert hedge([0.9, 0.1])(torch.tensor([[0.3, -0.4]]), torch.ones(1)).tolist() == [[1.0, 0.0]]


def test_an_arm_that_was_never_tried_is_no_default() -> None:
    assert hedge([NAN, 0.2, 0.1]).default.tolist() == [0.0, 1.0, 0.0]


def test_all_departures_are_kept_until_a_rung_is_set() -> None:
    found = Hedge(2)(torch.tensor([[0.2, 0.1]]), torch.zeros(1))
    torch.testing.assert_close(found, torch.tensor([[0.2, 0.1]]))


@pytest.mark.parametrize(("tasks", "worse"), [(1, True), (2, True), (3, False)])
def test_the_smallest_chance_must_be_below_alpha_over_the_tasks(tasks: int, worse: bool) -> None:
    """-1.5 and -0.5 have mean -1 and standard error 0.5: two below 0, a chance of 0.0228.

    It is below 0.05 and 0.05 / 2, not below 0.05 / 3; the other tasks gain.
    """
    gains = [torch.tensor([-1.5, -0.5]), *[torch.tensor([0.5, 1.5])] * (tasks - 1)]
    assert significantly_worse(gains) == worse
    assert significantly_worse(gains[::-1]) == worse


def test_a_loss_on_every_prompt_is_significant_although_nothing_spreads() -> None:
    """By the sign test: five losses have a chance of 1/32, four of 1/16, which is above 0.05."""
    assert significantly_worse([torch.full((5,), -1.0)])
    assert not significantly_worse([torch.full((4,), -1.0)])


def test_no_difference_and_no_prompts_are_no_finding() -> None:
    """Choosing the default arm throughout gains exactly 0."""
    assert not significantly_worse([torch.zeros(100), torch.ones(100), torch.tensor([-1.0]), torch.zeros(0)])
