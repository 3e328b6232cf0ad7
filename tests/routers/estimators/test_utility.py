import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.utility import drawn_tradeoffs, expected_regret, scaled, unscaled, utility
from tests.routers.estimators.batches import NAN, batch_of


@pytest.mark.parametrize("spot", [-1.0, -0.3, 0.0, 0.8, 1.0])
def test_scaling_and_unscaling_are_inverse(spot: float) -> None:
    assert scaled(unscaled(torch.tensor([spot]))).item() == pytest.approx(spot, abs=1e-5)


def test_the_scale_ends_where_the_policy_does() -> None:
    """Odds of cost against quality from 10 down to 0.001: trade-offs 1/11 and 1/1.001; beyond them nothing changes."""
    assert unscaled(torch.tensor([-1.0, 1.0])).tolist() == pytest.approx([1 / 11, 1 / 1.001])
    assert scaled(torch.tensor([0.0, 0.05, 0.9999, 1.0])).tolist() == pytest.approx([-1.0, -1.0, 1.0, 1.0])


def test_utility_by_hand() -> None:
    """Usage 2 and 1 over the priciest mean, 4: at t = 0.75 it is 0.75 - 0.25 / 2 and 0 - 0.25 / 4."""
    table = batch_of([[0.0], [0.0]], [[1.0, 0.0], [NAN, 0.0]], usage=[[2.0, 1.0], [2.0, NAN]])
    value = utility(table, torch.tensor([0.75, 0.75]), torch.tensor([4.0, 1.0]))
    assert value.tolist() == [[0.625, -0.0625], [-torch.inf, -torch.inf]]


def test_regret_is_weighed_by_the_softmax() -> None:
    """Scores log 3 and 0 choose with chances 3/4 and 1/4; choosing the worse of 0.5 and 0.1 loses 0.4."""
    score = torch.tensor([3.0, 1.0]).log().unsqueeze(0)
    assert expected_regret(score, torch.tensor([[0.5, 0.1]])).item() == pytest.approx(0.1)
    assert expected_regret(score, torch.tensor([[0.1, 0.5]])).item() == pytest.approx(0.3)


def test_rows_that_know_nothing_are_not_counted() -> None:
    """The mean over one row, not two, of a regret of 0.2."""
    value = torch.tensor([[0.5, 0.1], [-torch.inf, -torch.inf]])
    assert expected_regret(torch.zeros(2, 2), value).item() == pytest.approx(0.2)


def test_evaluation_stands_at_equal_steps_of_the_scale() -> None:
    assert scaled(drawn_tradeoffs(3, None)).tolist() == pytest.approx([-1.0, 0.0, 1.0], abs=1e-5)


@given(seed=st.integers(0, 1000))
def test_drawn_trade_offs_cover_the_scale(seed: int) -> None:
    """Uniform on the scale: of 400 draws a quarter, 100 give or take 5 sd = 43, lies below -0.5."""
    spots = scaled(drawn_tradeoffs(400, torch.Generator().manual_seed(seed)))
    assert spots.abs().max() <= 1 + 1e-5
    assert 57 <= int((spots < -0.5).sum()) <= 143
