"""A coin between two chains."""

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.state import Call, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing
from anabranch.training.replay.executor import replay

LOW, HIGH = ThresholdChain((0,), (), "sure"), ThresholdChain((2, 1), (np.inf,), "sure")


def start(u: float) -> State:
    return State((), np.ones(3), np.ones(3), u)


def test_below_the_share_the_dearer_policy_decides() -> None:
    mixed = TimeSharing(LOW, HIGH, 0.25)
    assert mixed.decide(start(0.2499)) == Call((2,), "first")
    assert mixed.decide(start(0.25)) == Call((0,), "first")
    assert mixed.models == (0, 1, 2)


def test_all_or_none() -> None:
    assert TimeSharing(LOW, HIGH, 0.0).decide(start(0.0)) == Call((0,), "first")
    assert TimeSharing(LOW, HIGH, 1.0).decide(start(np.nextafter(1.0, 0.0))) == Call((2,), "first")


def test_a_prompt_stays_with_its_policy_and_costs_mix() -> None:
    """Model 0 costs 1; models 2 and 1 together 2 + 4. Three standard errors of the share .3 of 2,000 prompts: .031."""
    table = ReplayTable.from_arrays(
        ["a", "b", "c"],
        np.tile([0.0, 1.0, 0.5], (2000, 1)),
        cost_usd=[[1, 4, 2]] * 2000,
        signals={"sure": np.zeros((2000, 3))},
    )
    replayed = replay(TimeSharing(LOW, HIGH, 0.3), table)
    assert set(replayed.cost_usd) == {1.0, 6.0}
    assert replayed.quality.mean() == pytest.approx(0.3, abs=0.031)
    np.testing.assert_array_equal(replayed.cost_usd, 1 + 5 * replayed.quality)


def test_a_share_is_a_share() -> None:
    with pytest.raises(ValueError, match="must lie in"):
        TimeSharing(LOW, HIGH, 1.5)
