from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from anabranch.routers.estimators.mirt import MultidimensionalItemResponse


def test_log_odds_by_hand() -> None:
    """softplus(log(e - 1)) = 1 and softplus(0) = log 2; ability (2, -1), difficulty 0.5: 2 - log 2 - 0.5."""
    response = MultidimensionalItemResponse(1, 2)
    with torch.no_grad():
        response.asked.weight.copy_(torch.tensor([[0.541325], [0.0], [0.5]]))
    found = response(torch.tensor([[1.0]]), torch.tensor([[2.0, -1.0]]))
    assert found.item() == pytest.approx(1.5 - log(2), abs=1e-5)


@given(seed=st.integers(0, 2**32), raised=st.floats(0, 10), coordinate=st.integers(0, 4))
def test_more_of_an_ability_never_hurts(seed: int, raised: float, coordinate: int) -> None:
    draws = torch.Generator().manual_seed(seed)
    response = MultidimensionalItemResponse(6, 5)
    for weight in response.parameters():
        nn.init.normal_(weight, generator=draws)
    embedding, ability = torch.randn(8, 6, generator=draws), torch.randn(3, 5, generator=draws)
    more = ability.clone()
    more[:, coordinate] += raised
    assert (response(embedding, more) >= response(embedding, ability) - 1e-4).all()
