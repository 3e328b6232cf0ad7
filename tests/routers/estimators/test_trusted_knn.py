"""Two tasks by two axes, ten prompts each; arm 0 solves the first task, arm 1 the second and half of the first."""

import logging
from math import cos, sin

import pytest
import torch

from anabranch.routers.estimators.estimator import Batch
from anabranch.routers.estimators.trusted_knn import TrustedKNN, left_out
from tests.routers.estimators.batches import batch_of, fitted

FIRST, SECOND = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])


def two_tasks() -> Batch:
    """Means of quality: 1/2 for arm 0, 3/4 for arm 1."""
    near = [place / 1000 for place in range(-5, 5)]  # angles: no two prompts are the same
    embedding = [[cos(angle), sin(angle)] for angle in near] + [[sin(angle), cos(angle)] for angle in near]
    quality = [[1.0, 0.5]] * 10 + [[0.0, 1.0]] * 10
    return batch_of(embedding, quality, task=[0] * 10 + [1] * 10)


def trusted(eta: float = 0.6) -> TrustedKNN:
    return fitted(TrustedKNN(2, 2, nearest=2, bandwidth=0.1, eta=eta), two_tasks())


def test_each_task_is_left_out_and_then_each_fold() -> None:
    masks = list(left_out(torch.tensor([0, 0, 1, -1, 1, 1]), folds=3, seed=0))
    assert [mask.tolist() for mask in masks[:2]] == [
        [True, True, *[False] * 4],
        [False, False, True, False, True, True],
    ]
    assert torch.stack(masks[2:]).sum(dim=0).tolist() == [1] * 6 and [int(mask.sum()) for mask in masks[2:]] == [2] * 3


@pytest.mark.parametrize("task", [[0] * 4, [-1] * 4])
def test_with_one_task_there_are_folds_only_and_a_warning(task: list[int], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        masks = list(left_out(torch.tensor(task), folds=5, seed=0))
    assert len(masks) == 4 and "fewer than two" in caplog.text


def test_a_single_prompt_cannot_be_left_out() -> None:
    assert list(left_out(torch.tensor([0]), folds=5, seed=0)) == []


def test_trust_is_what_predictions_of_left_out_prompts_were_worth() -> None:
    """Far from the rest, at distance 1: each task alone says that the other's prompts are its own.

    From the second task arm 0 is predicted wrong and is right on all of the first, and the reverse: accuracy 0 both
    times, so trust is clipped to 1/2. Arm 1 is predicted right on the first task and is half so; from the first
    its mean is 1/2, not above it, so it is predicted wrong and is right: (1/2 + 0) / 2, clipped too. Near, at distance
    0, arm 0 is predicted right from the folds in both tasks.
    """
    estimator = trusted()
    away = -FIRST  # as far from both axes as it gets: distance 1
    assert estimator.trust(away)[0].tolist() == pytest.approx([0.5, 0.5], abs=1e-3)
    near = estimator.trust(torch.cat([FIRST, SECOND]))
    assert near[:, 0].tolist() == pytest.approx([1.0, 1.0], abs=1e-3)


def test_near_the_tasks_the_predicted_arm_is_chosen_and_far_away_the_best_on_average() -> None:
    """On the first task arm 0 is predicted right with p = 1; arm 1, the best on average, must be beaten for sure."""
    estimator = trusted()
    assert estimator(torch.cat([FIRST, SECOND])).quality.argmax(dim=1).tolist() == [0, 1]
    assert estimator(-FIRST).quality.argmax(dim=1).tolist() == [1]


def test_where_the_best_arm_on_average_is_kept_its_score_is_raised_by_one() -> None:
    """Far away every S3 is 1/2: 0.5 for arm 0 and 1.5 for arm 1."""
    assert trusted()(-FIRST).quality[0].tolist() == pytest.approx([0.5, 1.5], abs=1e-3)


@pytest.mark.parametrize(("eta", "chosen"), [(0.6, 0), (0.9999, 1)])
def test_a_cautious_eta_keeps_the_best_arm_on_average(eta: float, chosen: int) -> None:
    """On the first task arm 0 is surely right, and arm 1 is predicted wrong with a p between 1/2 and 17/20.

    The lead is p and the noise sqrt(p (1 - p)), so the ratio is between 1 and 2.4: enough for 0.6, where 0.25 will
    do, and not for 0.9999, which needs 3.7.
    """
    assert trusted(eta=eta)(FIRST).quality.argmax(dim=1).tolist() == [chosen]
