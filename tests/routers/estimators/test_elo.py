from math import log

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.estimators.elo import Battles, elo, elo_strength


def ratings(*fought: tuple[int, int, float], arms: int = 2) -> list[float]:
    """After battles (first, second, the first's share), K = 32."""
    first, second, share = zip(*fought, strict=True)
    battles = Battles(torch.tensor(first), torch.tensor(second), torch.tensor(share), torch.ones(len(fought)))
    found: list[float] = elo(battles, arms, 32.0).tolist()
    return found


def test_of_two_equals_the_winner_gains_half_of_k() -> None:
    assert ratings((0, 1, 1.0)) == [16.0, -16.0]
    assert ratings((0, 1, 0.0)) == [-16.0, 16.0]


def test_a_tie_of_equals_changes_nothing() -> None:
    assert ratings((0, 1, 0.5)) == [0.0, 0.0]


def test_a_favourite_gains_less() -> None:
    """After one win the lead is 32 points: E = 1 / (1 + 10^-0.08) = 0.545922, so the second win is worth 14.5305."""
    assert ratings((0, 1, 1.0), (0, 1, 1.0)) == pytest.approx([30.5305, -30.5305], abs=1e-4)


def test_the_order_of_battles_matters() -> None:
    """A win and a loss: 16 - 32 * 0.545922 = -1.4695 if the win came first, and +1.4695 if the loss did."""
    assert ratings((0, 1, 1.0), (0, 1, 0.0)) == pytest.approx([-1.4695, 1.4695], abs=1e-4)
    assert ratings((0, 1, 0.0), (0, 1, 1.0)) == pytest.approx([1.4695, -1.4695], abs=1e-4)


def test_a_battle_of_two_votes_is_a_step_of_twice_k() -> None:
    battles = Battles(torch.tensor([0]), torch.tensor([1]), torch.ones(1), torch.tensor([2.0]))
    assert elo(battles, 2, 32.0).tolist() == [32.0, -32.0]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 2), st.sampled_from([0.0, 0.5, 1.0])), min_size=1, max_size=30)
)
def test_what_one_gains_another_loses(fought: list[tuple[int, int, float]]) -> None:
    battles = [(first, (first + step) % 3, share) for first, step, share in fought]
    assert sum(ratings(*battles, arms=3)) == pytest.approx(0.0, abs=1e-9)


def test_strengths_are_natural_log_odds() -> None:
    """One battle, 32 points between them; 400 points are odds of 10, so the difference is ln(10) * 32 / 400."""
    wins = torch.tensor([[[0.0, 1.0], [0.0, 0.0]]])
    found = elo_strength(wins, 32.0, orders=3, seed=0)
    assert (found[0] - found[1]).item() == pytest.approx(log(10) * 0.08)


def test_votes_on_a_prompt_and_pair_are_one_battle() -> None:
    """Won 1.5 of 2: K * 2 * (0.75 - 0.5) = 16 points each way."""
    wins = torch.tensor([[[0.0, 1.5], [0.5, 0.0]]])
    found = elo_strength(wins, 32.0, orders=1, seed=0)
    assert found.tolist() == pytest.approx([log(10) * 0.04, -log(10) * 0.04])


def test_averaging_over_orders_takes_most_of_the_order_away() -> None:
    """One win and one loss: each order gives +-1.4695 points, so 400 of them average to 0 +- 1.4695 / 20."""
    wins = torch.tensor([[[0.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 0.0]]])
    found = elo_strength(wins, 32.0, orders=400, seed=0) * 400 / log(10)
    assert abs(found[0].item()) < 4 * 1.4695 / 20
    one = elo_strength(wins, 32.0, orders=1, seed=0) * 400 / log(10)
    assert abs(one[0].item()) == pytest.approx(1.4695, abs=1e-4)
