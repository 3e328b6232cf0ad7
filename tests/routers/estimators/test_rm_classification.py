import pytest
import torch
from torch import nn

from anabranch.routers.estimators.rm_classification import RMClassification, best_arm_cross_entropy
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_cross_entropy_by_hand() -> None:
    """Scores log 2, 0, 0 give chances 1/2, 1/4, 1/4; the second arm has the highest utility: log 4."""
    score = torch.tensor([[2.0, 1.0, 1.0]]).log()
    loss = best_arm_cross_entropy(score, torch.tensor([[0.1, 0.3, 0.2]]))
    assert loss.item() == pytest.approx(torch.tensor(4.0).log().item())


def test_ties_share_the_label() -> None:
    """Half of log 2 and half of log 4: 1.5 log 2."""
    score = torch.tensor([[2.0, 1.0, 1.0]]).log()
    loss = best_arm_cross_entropy(score, torch.tensor([[0.3, 0.3, 0.2]]))
    assert loss.item() == pytest.approx(1.5 * torch.tensor(2.0).log().item())


def test_what_it_wins_by_does_not_matter() -> None:
    """Unlike regret: a hair's breadth counts as much as everything."""
    score = torch.tensor([[0.3, -0.2]])
    narrow, wide = (best_arm_cross_entropy(score, torch.tensor([[0.5, low]])) for low in (0.499, -2.0))
    assert narrow.item() == wide.item() > 0


def test_unknown_arms_are_no_rivals_and_unknown_rows_are_not_counted() -> None:
    """Two known arms of equal score: log 2, however high the unknown arm scores; the second row knows nothing."""
    score = torch.tensor([[0.0, 50.0, 0.0], [1.0, 2.0, 3.0]], requires_grad=True)
    value = torch.tensor([[0.5, -torch.inf, 0.1], [-torch.inf] * 3])
    loss = best_arm_cross_entropy(score, value)
    (gradient,) = torch.autograd.grad(loss, score)
    assert loss.item() == pytest.approx(torch.tensor(2.0).log().item())
    assert gradient.tolist() == [[-0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]


def test_the_label_turns_with_the_trade_off() -> None:
    """In evaluation two equal prompts stand at both ends: t = 1/11 and t = 1/1.001.

    Right at cost 2 against wrong at cost 1, scale 2: utilities 1/11 - 10/11 < 0 - 5/11, but about 1 > 0 at the other
    end. A network that prefers the first arm by log 3 at every trade-off loses (log 4 + log 4/3) / 2.
    """
    table = batch_of([[0.0], [0.0]], [[1.0, 0.0]] * 2, usage=[[2.0, 1.0]] * 2)
    estimator = fitted(RMClassification(1, 2, hidden=4), table)
    for part in estimator.score.parameters():
        nn.init.zeros_(part)
    with torch.no_grad():
        estimator.score.get_parameter("4.bias").copy_(torch.tensor([3.0, 1.0]).log())
    assert estimator.loss(table).item() == pytest.approx(torch.tensor(16 / 3).log().item() / 2)


def test_in_training_trade_offs_are_drawn_by_the_seed() -> None:
    table = batch_of([[0.0]] * 8, [[1.0, 0.0]] * 8, usage=[[2.0, 1.0]] * 8)
    estimator = fitted(RMClassification(1, 2, hidden=8), table)
    first, second = (estimator.train().loss(table).item() for _ in range(2))
    assert first != second
    assert estimator.eval().loss(table).item() == estimator.loss(table).item()


def test_the_trade_off_is_required() -> None:
    with pytest.raises(ValueError, match="rm-classification needs a trade-off a row: its score depends on it"):
        RMClassification(1, 2)(torch.zeros(1, 1))


def test_unknown_usage_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rm-classification trades quality against usage .* unknown: use mlp"):
        fitted(RMClassification(1, 2), batch_of([[0.0]], [[1.0, 0.0]], usage=[[2.0, NAN]]))
