from math import log

import pytest
import torch

from anabranch.routers.estimators.votes import require_votes, vote_loss, without_ties


def test_strengths_that_fit_the_votes_have_no_gradient() -> None:
    """Three votes to one are fitted by odds of 3, so by a lead of log 3; there is no better answer nearby."""
    wins = torch.tensor([[[0.0, 3.0], [1.0, 0.0]]])
    fitting = torch.tensor([[log(3), 0.0]], requires_grad=True)
    loss = vote_loss(fitting, wins)
    (gradient,) = torch.autograd.grad(loss, fitting)
    assert gradient.abs().max().item() < 1e-6
    # log(4/3) for each of three votes, log 4 for the other
    assert loss.item() == pytest.approx((3 * log(4 / 3) + log(4)) / 4)


def test_votes_count_by_their_weight_over_the_whole_batch() -> None:
    """Row 0 has one vote at a lead of 0, row 1 three at a lead of log 3, row 2 none: (log 2 + 3 log(4/3)) / 4."""
    strength = torch.tensor([[5.0, 5.0], [log(3), 0.0], [9.0, -9.0]])
    wins = torch.zeros(3, 2, 2)
    wins[0, 1, 0], wins[1, 0, 1] = 1.0, 3.0
    expected = (log(2) + 3 * log(4 / 3)) / 4
    assert vote_loss(strength, wins).item() == pytest.approx(expected)
    assert vote_loss(strength, wins / 1000).item() == pytest.approx(expected)


def test_no_vote_costs_nothing_and_leaves_the_gradient_finite() -> None:
    strength = torch.ones(2, 3, requires_grad=True)
    loss = vote_loss(strength, torch.zeros(2, 3, 3))
    (gradient,) = torch.autograd.grad(loss, strength)
    assert loss.item() == 0.0 and gradient.equal(torch.zeros(2, 3))


def test_ties_pull_together_and_are_gone_when_left_out() -> None:
    """A tie between unequal arms has a gradient of (sigmoid(1) - 1/2); without ties nothing is left of it."""
    strength = torch.tensor([[1.0, 0.0]], requires_grad=True)
    tie = torch.tensor([[[0.0, 0.5], [0.5, 0.0]]])
    (gradient,) = torch.autograd.grad(vote_loss(strength, tie), strength)
    assert gradient[0].tolist() == pytest.approx([0.231059, -0.231059], abs=1e-6)
    assert without_ties(tie).sum().item() == 0.0


def test_without_ties_leaves_single_votes_as_they_are() -> None:
    wins = torch.tensor([[[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.5, 0.0]]])
    assert without_ties(wins).equal(wins)


def test_no_votes_are_refused() -> None:
    require_votes(torch.tensor([[[0.0, 0.1], [0.0, 0.0]]]), "mine", 2)
    with pytest.raises(ValueError, match=r"mine learns from votes .* \(arms: 2\); a router that learns from outcomes"):
        require_votes(torch.zeros(3, 2, 2), "mine", 2)
