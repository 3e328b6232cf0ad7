from math import e, exp, log

import pytest
import torch

from anabranch.routers.estimators.routerdc import RouterDC, sample_arm_loss, sample_sample_loss
from tests.routers.estimators.batches import NAN, batch_of, fitted


def arm_loss(score: list[float], quality: list[float], top: int = 3, bottom: int = 3) -> float:
    return sample_arm_loss(torch.tensor([score]), torch.tensor([quality]), top, bottom).item()


def pair_loss(embedding: list[list[float]], cluster: list[int], negatives: int = 3) -> float:
    draws = torch.Generator().manual_seed(0)
    return sample_sample_loss(torch.tensor(embedding), torch.tensor(cluster), negatives, draws).item()


def test_good_arms_are_compared_with_bad_ones_and_summed() -> None:
    """Arms 0 and 1 against arm 2, whose score is 2 and 1 below: log(1 + e^-2) + log(1 + e^-1)."""
    found = arm_loss([1.0, 0.0, -1.0], [1.0, 0.8, 0.0], top=2, bottom=1)
    assert found == pytest.approx(log(1 + exp(-2)) + log(1 + exp(-1)))


def test_the_batch_is_averaged() -> None:
    """log 2 from the first prompt, nothing from the second, which no arm answers well."""
    score, quality = torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    assert sample_arm_loss(score, quality, 1, 1).item() == pytest.approx(log(2) / 2)


def test_an_arm_is_no_rival_of_itself() -> None:
    """Quality 0.4 is both good (above 0) and bad (at most 0.5).

    At equal scores: arm 0 has one rival, arm 1, log 2; arm 2 has two, log 3.
    """
    assert arm_loss([0.0, 0.0, 0.0], [0.4, 0.0, 1.0]) == pytest.approx(log(6))


@pytest.mark.parametrize("quality", [[1.0, 0.9], [0.0, 0.0], [NAN, NAN]], ids=["no bad", "no good", "unknown"])
def test_without_both_kinds_there_is_nothing_to_learn(quality: list[float]) -> None:
    assert arm_loss([3.0, -3.0], quality) == 0.0


def test_unknown_arms_are_neither_good_nor_bad() -> None:
    """Arm 0 against arm 1 alone, at equal scores."""
    assert arm_loss([0.0, 0.0, 9.0], [1.0, 0.0, NAN]) == pytest.approx(log(2))


def test_only_the_best_and_the_worst_arms_count() -> None:
    """K+ = 1: arm 0, not arm 1. K- = 1: arm 3, not arm 2. Scores 0 and 0."""
    assert arm_loss([0.0, 9.0, 9.0, 0.0], [1.0, 0.9, 0.1, 0.0], top=1, bottom=1) == pytest.approx(log(2))


@pytest.mark.parametrize("negatives", [1, 3])
def test_prompts_are_pulled_to_their_cluster(negatives: int) -> None:
    """Two equal prompts and one at a right angle: cosine 1 against 0, log(1 + 1/e) each; the third has no pair."""
    found = pair_loss([[1.0, 0.0], [2.0, 0.0], [0.0, 5.0]], [0, 0, 1], negatives)
    assert found == pytest.approx(log(1 + 1 / e))


def test_a_prompt_is_never_its_own_positive() -> None:
    """Cosines 0.6 within the pair, 0 and -0.8 to the third: log(1 + e^-0.6) and log(1 + e^-1.4), averaged."""
    found = pair_loss([[1.0, 0.0], [0.6, 0.8], [0.0, -1.0]], [0, 0, 1])
    assert found == pytest.approx((log(1 + exp(-0.6)) + log(1 + exp(-1.4))) / 2)


def test_every_negative_drawn_counts() -> None:
    """Two others at a right angle: log(1 + 2/e) with both, log(1 + 1/e) with one; all of one cluster are pairs of 1."""
    embedding, cluster = [[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2, [0, 0, 1, 1]
    assert pair_loss(embedding, cluster, negatives=2) == pytest.approx(log(1 + 2 / e))
    assert pair_loss(embedding, cluster, negatives=1) == pytest.approx(log(1 + 1 / e))


@pytest.mark.parametrize("cluster", [[0, 0, 0], [0, 1, 2]], ids=["all alike", "all alone"])
def test_without_pairs_or_negatives_there_is_nothing_to_pull(cluster: list[int]) -> None:
    embedding = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], requires_grad=True)
    draws = torch.Generator().manual_seed(0)
    loss = sample_sample_loss(embedding, torch.tensor(cluster), 3, draws)
    (gradient,) = torch.autograd.grad(loss, embedding)
    assert loss.item() == 0.0 and gradient.isfinite().all()


def test_quality_is_the_cosine_to_the_arm() -> None:
    """At 3-4-5: 0.6 and 0.8."""
    estimator = RouterDC(2, 2)
    estimator.arm.data = torch.tensor([[2.0, 0.0], [0.0, 7.0]])
    assert estimator(torch.tensor([[30.0, 40.0]])).quality[0].tolist() == pytest.approx([0.6, 0.8])


def test_the_temperature_divides_scores_and_validation_has_no_pairs() -> None:
    """Cosines 1 and 0 over 0.5, so log(1 + e^-2); in training the two equal prompts of one cluster add nothing."""
    table = batch_of([[1.0, 0.0], [1.0, 0.0]], [[1.0, 0.0], [1.0, 0.0]])
    estimator = fitted(RouterDC(2, 2, temperature=0.5, clusters=1), table)
    estimator.arm.data = torch.eye(2)
    expected = log(1 + exp(-2))
    assert estimator.loss(table).item() == pytest.approx(expected)
    assert estimator.train().loss(table).item() == pytest.approx(expected)


def test_in_training_the_sample_loss_is_weighed_and_added() -> None:
    """Clusters of two at right angles; log(1 + 2/e) as above, times 10, on top of the arm loss."""
    table = batch_of([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 2, [[1.0, 0.0]] * 4)
    estimator = fitted(RouterDC(2, 2, clusters=2, sample_weight=10.0), table)
    without = estimator.loss(table).item()
    assert estimator.train().loss(table).item() == pytest.approx(without + 10 * log(1 + 2 / e))
