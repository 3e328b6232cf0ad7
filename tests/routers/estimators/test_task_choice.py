"""Two prompts, three arms. P(right) .9 .4 .6 and .6 .8 .6: means .75 .6 .6, predicted right on 1, 1/2 and 1 of them."""

from math import sqrt
from statistics import NormalDist

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.task_choice import (
    choose_for_task,
    discounted,
    leader,
    predicted_right,
    sure_choice,
    task_scores,
)

QUALITY = torch.tensor([[0.9, 0.4, 0.6], [0.6, 0.8, 0.6]])
AVERAGE = torch.tensor([0.5, 0.7, 0.6])
"""The second arm is the best on average."""


def test_scores_are_the_mean_the_share_predicted_right_and_that_share_discounted() -> None:
    """S3 = S2 p + (1 - S2)(1 - p): 1 * .8 + 0; .5 * .9 + .5 * .1 = .5; 1 * .6 + 0."""
    scores = task_scores(QUALITY, torch.tensor([0.8, 0.9, 0.6]))
    assert scores.s1.tolist() == pytest.approx([0.75, 0.6, 0.6])
    assert scores.s2.tolist() == pytest.approx([1.0, 0.5, 1.0])
    assert scores.s3.tolist() == pytest.approx([0.8, 0.5, 0.6])


def test_s1_is_the_best_mean() -> None:
    assert choose_for_task(QUALITY, AVERAGE, torch.ones(3), "S1") == 0


def test_ties_of_s2_go_to_the_arm_that_is_better_on_average() -> None:
    """Arms 0 and 2 are predicted right on both prompts; .6 is more than .5."""
    assert choose_for_task(QUALITY, AVERAGE, torch.ones(3), "S2") == 2


@pytest.mark.parametrize(
    ("trust", "eta", "chosen"), [(0.8, 0.6, 0), (0.8, 0.79, 0), (0.8, 0.81, 1), (0.75, 0.74, 0), (0.75, 0.76, 1)]
)
def test_s3_leaves_the_best_arm_on_average_only_when_sure(trust: float, eta: float, chosen: int) -> None:
    """Arm 1 has p = .9: S3 = .5, variance .9 * .1 / 2 = .045. Arm 0 has S3 = p and variance p (1 - p) / 2.

    p = .8: Phi(.3 / sqrt(.08 + .045)) = Phi(.8485) = .802. p = .75: Phi(.25 / sqrt(.09375 + .045)) = Phi(.671) = .749.
    """
    assert choose_for_task(QUALITY, AVERAGE, torch.tensor([trust, 0.9, 0.6]), "S3", eta=eta) == chosen


def test_more_prompts_make_surer() -> None:
    """One prompt: Phi(.3 / sqrt(.25)) = Phi(.6) = .726; ten times it: Phi(.6 sqrt(10)) = .971."""
    one = torch.tensor([[0.9, 0.9]])
    average = torch.tensor([0.5, 0.6])
    trust = torch.tensor([0.8, 0.5])
    assert choose_for_task(one, average, trust, "S3", eta=0.8) == 1
    assert choose_for_task(one.expand(10, -1), average, trust, "S3", eta=0.8) == 0


def test_predictions_worth_a_coin_say_nothing() -> None:
    """p = 1/2 makes every S3 1/2, so the best arm on average it is."""
    assert choose_for_task(QUALITY, AVERAGE, torch.full((3,), 0.5), "S3") == 1


def test_a_trust_below_one_half_would_invert_the_order() -> None:
    """Why it is clipped where it is estimated: .3 turns certain predictions around."""
    assert discounted(torch.tensor([1.0, 0.0]), torch.tensor(0.3)).tolist() == pytest.approx([0.3, 0.7])


def test_a_mean_at_the_threshold_is_not_above_it() -> None:
    assert predicted_right(torch.tensor([0.5, 0.5000001, 0.51]), 0.5).tolist() == [0.0, 0.0, 1.0]


def test_the_leader_of_equals_is_better_on_average() -> None:
    score = torch.tensor([[0.2, 0.2, 0.1], [0.2, 0.1, 0.3]])
    assert leader(score, AVERAGE).tolist() == [1, 2]


@given(seed=st.integers(0, 1000), eta=st.floats(0.5, 0.99))
def test_the_choice_is_the_leader_or_the_best_on_average(seed: int, eta: float) -> None:
    """The rule once more, with probabilities instead of quantiles."""
    draws = torch.Generator().manual_seed(seed)
    score, average = torch.rand(4, 3, generator=draws), torch.rand(3, generator=draws)
    variance = torch.rand(4, 3, generator=draws) * 0.25
    best = int(average.argmax())
    for row, found in enumerate(sure_choice(score, variance, average, eta).tolist()):
        first = int(score[row].argmax())
        lead = float(score[row, first] - score[row, best])
        chance = NormalDist().cdf(lead / sqrt(float(variance[row, first] + variance[row, best])))
        assert found == (first if chance > eta else best) or chance == pytest.approx(eta, abs=1e-4)
