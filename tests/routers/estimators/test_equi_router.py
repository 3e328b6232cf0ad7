import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from anabranch.routers.estimators.equi_router import EquiRouter, ranking_loss
from tests.routers.estimators.batches import NAN, batch_of, fitted

TABLE = batch_of([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0, NAN], [1.0, 1.0, NAN]], usage=[[2.0, 4.0, NAN]] * 2)


def test_the_ranking_loss_of_three_arms_by_hand() -> None:
    """Qualities 1, 0.5, 0 and logits 0, log 2, log 3: three pairs, each the log of 1 + worse / better in odds.

    First over second: log(1 + 2); first over third: log(1 + 3); second over third: log(1 + 3/2). Their mean.
    """
    score = torch.tensor([[1.0, 2.0, 3.0]]).log()
    loss = ranking_loss(score, torch.tensor([[1.0, 0.5, 0.0]]))
    assert loss.item() == pytest.approx(torch.tensor(3 * 4 * 2.5).log().item() / 3)


def test_ties_and_unknown_cells_are_left_out() -> None:
    """Of arms 1, 1, 0 and unknown two pairs are left, both against the third: log(1 + 1/2) and log(1 + 1)."""
    score = torch.tensor([[2.0, 1.0, 1.0, 9.0]]).log()
    loss = ranking_loss(score, torch.tensor([[1.0, 1.0, 0.0, NAN]]))
    assert loss.item() == pytest.approx(torch.tensor(1.5 * 2).log().item() / 2)


def test_without_a_pair_there_is_nothing_to_rank() -> None:
    score = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    loss = ranking_loss(score, torch.tensor([[0.5, 0.5], [NAN, 1.0]]))
    assert loss.item() == 0.0
    assert torch.autograd.grad(loss, score)[0].tolist() == [[0.0, 0.0], [0.0, 0.0]]


@given(p=st.floats(0.05, 0.95), q=st.floats(0.05, 0.95))
def test_the_true_logits_are_where_the_ranking_loss_is_least(p: float, q: float) -> None:
    """Two arms right with p and q, each for itself: weigh the two outcomes that differ, p (1 - q) and q (1 - p).

    So the ranking loss has no quarrel with the squared error, whose least is at p and q as well.
    """
    logits = torch.tensor([[p, q]]).logit().requires_grad_()
    first, second = (ranking_loss(logits, torch.tensor([won])) for won in ([1.0, 0.0], [0.0, 1.0]))
    expected = p * (1 - q) * first + q * (1 - p) * second
    assert torch.autograd.grad(expected, logits)[0].abs().max() < 1e-6


def test_features_are_scaled_and_shifted_by_the_arm() -> None:
    """Trunk: both features are 3. Arms' vectors 0 and 1; scale 1 + (0.5, -1) v, shift (0, 2) v, head sums.

    Arm of vector 0: 3 + 3. Arm of vector 1: 1.5 * 3 + 0, 0 * 3 + 2. Plus the levels 0.25 and -0.5.
    """
    estimator = EquiRouter(1, 2, hidden=2, arm_width=1)
    for part in estimator.parameters():
        nn.init.zeros_(part)
    with torch.no_grad():
        estimator.trunk.weight.fill_(3.0)
        estimator.arm.copy_(torch.tensor([[0.0], [1.0]]))
        estimator.film.weight.copy_(torch.tensor([[0.5], [-1.0], [0.0], [2.0]]))
        estimator.head.weight.fill_(1.0)
        estimator.level.copy_(torch.tensor([0.25, -0.5]))
    assert estimator(torch.ones(1, 1)).quality.logit()[0].tolist() == pytest.approx([6.25, 6.0], abs=1e-3)


def test_the_loss_is_squared_error_and_weighted_ranks_by_hand() -> None:
    """All logits 0, quality 0.5 everywhere: errors of 1/2 in four known cells, and one pair that differs: log 2."""
    estimator = fitted(EquiRouter(2, 3, hidden=4, rank_weight=2.0), TABLE)
    for part in estimator.parameters():
        nn.init.zeros_(part)
    assert estimator.loss(TABLE).item() == pytest.approx(0.25 + 2 * torch.tensor(2.0).log().item())


def test_training_starts_from_the_means() -> None:
    """With a silent head only the levels speak: 1 kept at 0.99, 1/2, and 1/2 for an arm never tried."""
    estimator = EquiRouter(2, 3, hidden=4)
    nn.init.zeros_(estimator.head.weight)
    nn.init.zeros_(estimator.head.bias)
    found = fitted(estimator, TABLE)(torch.randn(1, 2))
    assert found.quality[0].tolist() == pytest.approx([0.99, 0.5, 0.5])
    assert found.usage[0, :2].tolist() == [2.0, 4.0] and found.spread[0].tolist() == [0.0, 0.0, 0.0]


def test_unknown_cells_leave_every_gradient_finite() -> None:
    estimator = fitted(EquiRouter(2, 3, hidden=4), TABLE)
    gradients = torch.autograd.grad(estimator.loss(TABLE), list(estimator.parameters()))
    assert all(gradient.isfinite().all() for gradient in gradients)
