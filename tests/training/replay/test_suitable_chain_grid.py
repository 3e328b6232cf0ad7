"""The grid of chains of suitable models says what `replay` says."""

from math import inf

import numpy as np
import pytest

from anabranch.routers.deferral.behind_best import behind_best
from anabranch.routers.deferral.suitable_chain import SuitableChain
from anabranch.training.replay.chain_replay import Calls, recorded_calls
from anabranch.training.replay.executor import replay
from anabranch.training.replay.suitable_chain_grid import suitable_chain_grid
from tests.training.replay.foreseen_answers import ORDER, USUAL, foreseen_answers


@pytest.mark.parametrize("at_least", [1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_every_setting_reaches_what_replay_comes_to(seed: int, at_least: int) -> None:
    table, estimates = foreseen_answers(seed)
    calls = recorded_calls(table, ORDER, "sure", seed)
    behind = behind_best(estimates[:, ORDER])
    grid = suitable_chain_grid(calls, behind, (-inf, -1.1, -0.5, 0.0), (-inf, -0.2, 0.5, 1.0, inf), at_least)
    assert grid.settings.shape == (20, 2) and len(set(grid.cost_usd.round(9))) > 10
    usual = np.broadcast_to(USUAL, estimates.shape)
    for (tau, threshold), quality, cost in zip(grid.settings.tolist(), grid.quality, grid.cost_usd, strict=True):
        policy = SuitableChain(ORDER, tau, threshold, "sure", at_least)
        done = replay(policy, table, quality=estimates, cost_usd=usual, seed=seed)
        assert (done.quality.mean(), done.cost_usd.mean()) == pytest.approx((quality, cost))


def test_three_prompts_by_hand() -> None:
    """Calls cost 1 and 4. Estimates are 0.5 apart, 0.1 apart, and equal; the small model is sure, unsure, sure.

    Best alone: large (right), large (right), both suit and the small one is sure (wrong): 2/3 for 4 + 4 + 1.
    Within 0.1 the second prompt calls both for 5. Of all, the first keeps the small one's wrong answer: 1/3 for
    1 + 5 + 1.
    """
    calls = Calls(
        confidence=np.array([[0.9, 0.0], [0.2, 0.0], [0.8, 0.0]]),
        quality=np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]),
        cost_usd=np.array([[1.0, 4.0]] * 3),
    )
    behind = np.array([[-0.5, 0.0], [-0.1, 0.0], [0.0, 0.0]])
    grid = suitable_chain_grid(calls, behind, (0.0, -0.1, -0.5), (0.5,))
    assert grid.quality.tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 3])
    assert grid.cost_usd.tolist() == pytest.approx([9 / 3, 10 / 3, 7 / 3])
