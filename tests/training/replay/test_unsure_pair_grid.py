"""The grid of unsure pairs says what `replay` says, and has all thresholds and prices that matter."""

from math import inf

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.unsure_pair import UnsurePair, leaders
from anabranch.training.replay.chain_replay import Calls, recorded_calls
from anabranch.training.replay.executor import replay
from anabranch.training.replay.unsure_pair_grid import prices, unsure_pair_grid
from tests.training.replay.foreseen_answers import ORDER, USUAL, Floats, foreseen_answers


def reached(policy: UnsurePair, table: ReplayTable, estimates: Floats, seed: int) -> tuple[float, float]:
    usual = np.broadcast_to(USUAL[: len(table.models)], estimates.shape)
    done = replay(policy, table, quality=estimates, cost_usd=usual, seed=seed)
    return float(done.quality.mean()), float(done.cost_usd.mean())


@pytest.mark.parametrize("lam", [0.0, 0.07, 0.4])
@pytest.mark.parametrize("seed", range(3))
def test_every_setting_reaches_what_replay_comes_to(seed: int, lam: float) -> None:
    table, estimates = foreseen_answers(seed)
    usual = np.broadcast_to(USUAL, estimates.shape)
    found = leaders(estimates[:, ORDER], usual[:, ORDER], lam)
    grid = unsure_pair_grid(recorded_calls(table, ORDER, "sure", seed), found, (-inf, 0.3, 0.8, inf))
    assert len(grid.settings) > 30
    for place in range(0, len(grid.settings), 4):
        delta, threshold = grid.settings[place].tolist()
        mean = reached(UnsurePair(ORDER, lam, delta, threshold, "sure"), table, estimates, seed)
        assert mean == pytest.approx((grid.quality[place], grid.cost_usd[place]))


def test_a_single_model_is_always_clear() -> None:
    table, estimates = foreseen_answers(0)
    calls = recorded_calls(table, ORDER[:1], "sure", 0)
    grid = unsure_pair_grid(calls, leaders(estimates[:, ORDER[:1]], np.ones((40, 1)), 0.5), (-inf, inf))
    assert grid.quality.tolist() == pytest.approx([calls.quality.mean()] * len(grid.quality))


def test_two_prompts_by_hand() -> None:
    """Calls cost 1 and 4, no price. The large model leads by 0.5 and by 0.1; the small one is right, and sure at 0.9
    and 0.7.

    Never in doubt: large twice, wrong and right, for 4. Doubt below 0.3: the second is kept at 0.7 for 1, or goes on
    for 5. Always in doubt: both kept at 0.7, the first alone at 0.9, none at inf.
    """
    calls = Calls(
        confidence=np.array([[0.9, 0.0], [0.7, 0.0]]),
        quality=np.array([[1.0, 0.0], [1.0, 1.0]]),
        cost_usd=np.array([[1.0, 4.0]] * 2),
    )
    found = leaders(np.array([[0.25, 0.75], [0.5, 0.6]]), calls.cost_usd, 0.0)
    grid = unsure_pair_grid(calls, found, (-inf, 0.3, inf))
    rows = np.column_stack([grid.settings, grid.quality, grid.cost_usd]).tolist()
    assert rows == [
        [-inf, -inf, 0.5, 4.0],
        [0.3, -inf, 0.5, 2.5],
        [0.3, inf, 0.5, 4.5],
        [inf, -inf, 1.0, 1.0],
        [inf, 0.9, 1.0, 3.0],
        [inf, inf, 0.5, 5.0],
    ]


def test_prices_lie_between_those_at_which_a_prompt_changes_its_mind() -> None:
    """Gains 0.2, 0.6 and 0.4 (from the second to the third) for 1, 3 and 2 more: 0.2 each; a loss is never bought.

    On the second prompt 0.5 / 1 and 0.3 / 3, so that prices change minds at 0.1, 0.2 and 0.5.
    """
    estimates = np.array([[0.0, 0.2, 0.6], [0.0, 0.5, 0.3], [np.nan, 0.5, np.nan]])
    cost = np.broadcast_to([1.0, 2.0, 4.0], estimates.shape)
    found = prices(estimates, cost)
    assert found[0] == 0 and found[-1] == pytest.approx(1.0)
    assert {round(price, 6) for price in found} >= {0.15, 0.35}
    assert prices(np.full((2, 2), 0.5), np.ones((2, 2))) == [0.0]
    assert prices(estimates, np.zeros((3, 3))) == [0.0]


def test_the_last_price_buys_nothing() -> None:
    _, estimates = foreseen_answers(0)
    known = np.nan_to_num(estimates[:, ORDER])
    cost = np.broadcast_to(USUAL[list(ORDER)], known.shape)
    assert (leaders(known, cost, prices(known, cost)[-1]).order[:, 0] == 0).all()
