from math import log

import pytest
import torch

from anabranch.routers.estimators.matrix_factorisation import MatrixFactorisation
from tests.routers.estimators.batches import batch_of, fitted

VOTE = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])
TIE = torch.tensor([[[0.0, 0.5], [0.5, 0.0]]])


def by_hand(ties: bool = True, noise: float = 0.0) -> MatrixFactorisation:
    """W = I, w = (1, 1), arms in the directions (0.6, 0.8) and (1, 0)."""
    estimator = MatrixFactorisation(2, 2, factors=2, ties=ties, noise=noise)
    with torch.no_grad():
        estimator.strength.arm.copy_(torch.tensor([[3.0, 4.0], [2.0, 0.0]]))
        estimator.strength.project.weight.copy_(torch.eye(2))
        estimator.strength.mix.weight.fill_(1.0)
    return estimator


def test_quality_by_hand() -> None:
    """Strengths at (1, 2) are 2.2 and 1.0, centred 0.6 and -0.6, and P(0 beats 1) = sigmoid(1.2)."""
    estimator = fitted(by_hand(), batch_of([[1.0, 2.0]], [[0.5, 0.5]], usage=[[3.0, 5.0]], wins=VOTE))
    found = estimator(torch.tensor([[1.0, 2.0]]))
    assert found.quality[0].logit().tolist() == pytest.approx([0.6, -0.6], abs=1e-5)
    assert found.usage[0].tolist() == pytest.approx([3.0, 5.0], abs=1e-4)
    assert found.spread[0].tolist() == [0.0, 0.0]


def test_the_loss_is_that_of_the_lead() -> None:
    """A vote for arm 0, which leads by 1.2: log(1 + e^-1.2)."""
    table = batch_of([[1.0, 2.0]], [[0.5, 0.5]], wins=VOTE)
    assert by_hand().loss(table).item() == pytest.approx(0.263282, abs=1e-6)


def test_a_tie_counts_unless_left_out() -> None:
    """Half of log(1 + e^-1.2) and half of log(1 + e^1.2), which is 1.2 more; or nothing."""
    table = batch_of([[1.0, 2.0]], [[0.5, 0.5]], wins=TIE)
    assert by_hand().loss(table).item() == pytest.approx(0.263282 + 0.6, abs=1e-6)
    assert by_hand(ties=False).loss(table).item() == 0.0


def test_noise_is_part_of_the_loss_in_training_alone() -> None:
    table = batch_of([[1.0, 2.0]], [[0.5, 0.5]], wins=VOTE)
    estimator = by_hand(noise=0.5)
    assert estimator.train().loss(table).item() != estimator.loss(table).item()
    assert estimator.eval().loss(table).item() == pytest.approx(0.263282, abs=1e-6)


@pytest.mark.parametrize(("wins", "ties"), [(torch.zeros(1, 2, 2), True), (TIE, False)], ids=["none", "only ties"])
def test_without_any_vote_there_is_nothing_to_learn(wins: torch.Tensor, ties: bool) -> None:
    with pytest.raises(ValueError, match=r"routellm-mf learns from votes between arms, and no training prompt has one"):
        fitted(by_hand(ties), batch_of([[1.0, 2.0]], [[0.5, 0.5]], wins=wins))


def test_ties_alone_are_enough_where_they_count() -> None:
    """The best answer to a tie is no lead at all, at a loss of log 2; descending from a lead of 1.2 finds it."""
    table = batch_of([[1.0, 2.0]], [[0.5, 0.5]], wins=TIE)
    estimator = fitted(by_hand(), table)
    steps = torch.optim.Adam(estimator.parameters(), lr=0.05)
    for _ in range(200):
        steps.zero_grad()
        torch.autograd.backward(estimator.loss(table))
        steps.step()
    assert estimator.loss(table).item() == pytest.approx(log(2), abs=1e-4)
