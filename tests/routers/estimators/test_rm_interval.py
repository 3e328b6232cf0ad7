import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from anabranch.routers.estimators.rm_interval import RMInterval, node_shares
from anabranch.routers.estimators.utility import unscaled
from tests.routers.estimators.batches import NAN, batch_of, fitted


def constant_nodes(scores: list[list[float]]) -> RMInterval:
    """Networks that score two arms alike on every prompt, one row a node; usage 2 and 1."""
    estimator = RMInterval(1, 2, nodes=len(scores), hidden=3)
    for network, score in zip(estimator.node, scores, strict=True):
        for part in network.parameters():
            nn.init.zeros_(part)
        with torch.no_grad():
            network[-1].bias.copy_(torch.tensor(score))  # type: ignore[index]
    return fitted(estimator, batch_of([[0.0]], [[1.0, 0.0]], usage=[[2.0, 1.0]]))


def test_scores_between_nodes_by_hand() -> None:
    """Three nodes at -1, 0 and 1. At -0.5 half of the first two; at 0.2 a fifth of the third, four of the second."""
    estimator = constant_nodes([[0.0, 4.0], [1.0, 2.0], [6.0, -3.0]])
    tradeoff = unscaled(torch.tensor([-1.0, -0.5, 0.0, 0.2, 1.0]))
    score = estimator(torch.zeros(5, 1), tradeoff).quality
    expected = torch.tensor([[0.0, 4.0], [0.5, 3.0], [1.0, 2.0], [2.0, 1.0], [6.0, -3.0]])
    torch.testing.assert_close(score, expected, rtol=0, atol=1e-4)


def test_beyond_the_ends_the_end_answers() -> None:
    """The scale stops at trade-offs 1/11 and 1/1.001."""
    estimator = constant_nodes([[0.0, 4.0], [6.0, -3.0]])
    score = estimator(torch.zeros(2, 1), torch.tensor([0.01, 1.0])).quality
    torch.testing.assert_close(score, torch.tensor([[0.0, 4.0], [6.0, -3.0]]))


@given(tradeoff=st.floats(0, 1, width=32), nodes=st.integers(2, 9))
def test_shares_are_of_two_neighbours_and_add_up_to_1(tradeoff: float, nodes: int) -> None:
    share = node_shares(torch.tensor([tradeoff]), nodes)[0]
    assert share.sum().item() == pytest.approx(1.0, abs=1e-5) and (share >= 0).all()
    held = share.nonzero().flatten()
    assert len(held) <= 2 and held[-1] - held[0] <= 1


def test_a_prompt_teaches_only_the_nodes_next_to_its_trade_off() -> None:
    """One prompt in evaluation stands at the cost end: only the first of three nodes has a gradient."""
    table = batch_of([[1.0]], [[1.0, 0.0]], usage=[[2.0, 1.0]])
    estimator = fitted(RMInterval(1, 2, nodes=3, hidden=8), table)
    biases = [network[-1].bias for network in estimator.node]  # type: ignore[index]
    moved = [bool(part.any()) for part in torch.autograd.grad(estimator.loss(table), biases)]
    assert moved == [True, False, False]


def test_the_regret_of_indifference_by_hand() -> None:
    """As RM-Softmax at t = 1/11, costs 2 and 1 over the priciest mean, 2: regrets 4/11 and 0, half of which is 2/11."""
    table = batch_of([[0.0]], [[1.0, 0.0]], usage=[[2.0, 1.0]])
    assert constant_nodes([[0.0, 0.0], [9.0, 0.0]]).loss(table).item() == pytest.approx(2 / 11)


def test_one_node_is_refused() -> None:
    with pytest.raises(ValueError, match="rm-interval interpolates between nodes; 1 is too few, give it at least 2"):
        RMInterval(1, 2, nodes=1)


def test_the_trade_off_is_required() -> None:
    with pytest.raises(ValueError, match="rm-interval needs a trade-off a row: its score depends on it"):
        RMInterval(1, 2)(torch.zeros(1, 1))


def test_unknown_usage_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rm-interval trades quality against usage .* unknown: use mlp"):
        fitted(RMInterval(1, 2), batch_of([[0.0]], [[1.0, 0.0]], usage=[[2.0, NAN]]))
