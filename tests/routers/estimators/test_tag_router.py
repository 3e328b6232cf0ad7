"""Two tags, the two tasks; arm 0 is the reference, right on five of six prompts."""

import pytest
import torch

from anabranch.routers.estimators.tag_router import TagRouter, rewards, training_tags
from tests.routers.estimators.batches import NAN, batch_of, fitted

EMBEDDING = [[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3
TASK = [0, 0, 0, 1, 1, 1]
QUALITY = [[0.0, 1.0], [1.0, 1.0], [1.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 1.0]]


def tagged(prior: float) -> TagRouter:
    return fitted(TagRouter(2, 2, granularities=(), prior=prior, l2=1e-3), batch_of(EMBEDDING, QUALITY, task=TASK))


def test_scores_are_mean_rewards() -> None:
    """The reference ties with itself, 0.15. Arm 1 wins once and ties twice, (1 + 0.3) / 3; loses twice and ties once.

    (-2 + 0.15) / 3.
    """
    expected = torch.tensor([[0.15, 1.3 / 3], [0.15, -1.85 / 3]])
    torch.testing.assert_close(tagged(prior=0.0).score.table, expected)


def test_rare_tags_weigh_less() -> None:
    """Overall (1.3 - 1.85) / 6, worth two prompts beside three."""
    overall = -0.55 / 6
    found = tagged(prior=2.0).score.table[:, 1].tolist()
    assert found == pytest.approx([(1.3 + 2 * overall) / 5, (-1.85 + 2 * overall) / 5])


def test_the_scores_of_a_prompts_tags_are_added_up() -> None:
    """Both tags at sigmoid(0) = 1/2 each; then the first alone."""
    estimator = tagged(prior=0.0)
    estimator.tags = torch.zeros(3, 2)
    assert estimator(torch.ones(1, 2)).quality[0].tolist() == pytest.approx([0.15, (1.3 - 1.85) / 6])
    estimator.tags[2] = torch.tensor([50.0, -50.0])
    assert estimator(torch.ones(1, 2)).quality[0].tolist() == pytest.approx([0.15, 1.3 / 3])


def test_tags_are_read_from_the_embedding() -> None:
    """Arm 1 is chosen where it wins and ties, the reference where arm 1 loses."""
    found = tagged(prior=0.0)(torch.tensor([[1.0, 0.0], [0.0, 1.0]])).quality
    assert found.argmax(dim=1).tolist() == [1, 0]


def test_training_tags_are_tasks_and_clusters() -> None:
    """Three prompts, the last of unknown task; two clusters, then one."""
    unit = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    found = training_tags(unit, torch.tensor([0, 1, -1]), (2, 1), seed=0)
    assert found[:2, :2].tolist() == [[1.0, 0.0], [0.0, 1.0]] and found[2, :2].isnan().all()
    assert found[0, 2:4].equal(found[1, 2:4]) and found[0, 2:4].equal(1 - found[2, 2:4])
    assert found[:, 4].tolist() == [1.0] * 3


def test_a_tie_is_a_difference_within_the_slack() -> None:
    quality = torch.tensor([[0.5, 0.75, 0.5, 0.0], [NAN, 1.0, 1.0, 1.0], [1.0, NAN, 1.0, 1.0]])
    found = rewards(quality, 0, (1.0, 0.25, -1.0), slack=0.25)
    assert found[0].tolist() == [0.25, 0.25, 0.25, -1.0]
    assert found[1].isnan().all() and found[2].isnan().tolist() == [False, True, False, False]


def test_an_arm_that_was_never_compared_is_refused() -> None:
    """Arm 0 is the reference; arm 1 answered other prompts."""
    table = batch_of(EMBEDDING[:2], [[1.0, NAN], [NAN, 0.5]])
    with pytest.raises(ValueError, match=r"the reference, arm 0, on the same prompts, and arm 1 shares none with it"):
        fitted(TagRouter(2, 2), table)
