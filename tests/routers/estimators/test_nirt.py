from math import log, tanh

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from anabranch.routers.estimators.nirt import NeuralItemResponse


def test_log_odds_by_hand() -> None:
    """Gates and difficulty at weight 0: strength 9 / 2, relevance 1/2 each, difficulty sigmoid(0) = 1/2.

    Abilities log 3 and 0 are 3/4 and 1/2, so x = 9/4 (1/4, 0). The network's weights (-2, 5), then -1, count by
    their size: tanh(2 * 9/16) + 0.5.
    """
    response = NeuralItemResponse(3, 2, hidden=1, dropout=0.5).eval()
    for weight in response.parameters():
        nn.init.zeros_(weight)
    with torch.no_grad():
        response.lift.weight.copy_(torch.tensor([[-2.0, 5.0]]))
        response.join.weight.fill_(-1.0)
        response.join.bias.fill_(0.5)
    found = response(torch.ones(1, 3), torch.tensor([[log(3), 0.0]]))
    assert found.item() == pytest.approx(tanh(9 / 8) + 0.5, abs=1e-6)


def test_gates_read_the_prompt_by_hand() -> None:
    """Relevance log 3 against 0 is 3/4 to 1/4, strength 9 sigmoid(log 2) = 6, and ability 1 beyond reach of both.

    Difficulty sigmoid(-40) = 0 and ability sigmoid(40) = 1: x = (4.5, 1.5), weights (0.1, 0.2): tanh(0.75).
    """
    response = NeuralItemResponse(1, 2, hidden=1, dropout=0.0).eval()
    for weight in response.parameters():
        nn.init.zeros_(weight)
    with torch.no_grad():
        response.discrimination.weight.fill_(log(2))
        response.relevance.weight.copy_(torch.tensor([[log(3)], [0.0]]))
        response.difficulty.weight.fill_(-40.0)
        response.lift.weight.copy_(torch.tensor([[0.1, 0.2]]))
        response.join.weight.fill_(1.0)
    found = response(torch.ones(1, 1), torch.full((1, 2), 40.0))
    assert found.item() == pytest.approx(tanh(0.75), abs=1e-6)


@given(seed=st.integers(0, 2**32), raised=st.floats(0, 10), coordinate=st.integers(0, 4))
def test_more_of_an_ability_never_hurts(seed: int, raised: float, coordinate: int) -> None:
    """Whatever the weights, positive or negative."""
    draws = torch.Generator().manual_seed(seed)
    response = NeuralItemResponse(6, 5, hidden=7, dropout=0.5).eval()
    for weight in response.parameters():
        nn.init.normal_(weight, generator=draws)
    embedding, ability = torch.randn(8, 6, generator=draws), torch.randn(3, 5, generator=draws)
    more = ability.clone()
    more[:, coordinate] += raised
    assert (response(embedding, more) >= response(embedding, ability) - 1e-5).all()
