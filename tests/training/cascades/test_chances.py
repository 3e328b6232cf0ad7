import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.answered import Answered, with_signals
from anabranch.training.cascades.chances import with_chance
from tests.training.cascades.grounds import ground_of, random_ground


def test_a_prompts_chance_is_of_the_others_and_serving_has_that_of_all() -> None:
    """Ten prompts at one level, the first wrong and nine right: left out in parts of two, a prompt gets the mean of the
    eight others, 7/8 or 8/8, and serving that of all, 0.9.
    """
    table = ReplayTable.from_arrays(["owl"], [[0.0]] + [[1.0]] * 9, cost_usd=[[1.0]] * 10, signals={"sure": [[2]] * 10})
    ground = with_chance(ground_of(table), "sure")
    chance = ground.table.signals["chance"][:, 0, 0]
    assert chance[0] == 1.0 and sorted(chance.tolist()) == [0.875] * 8 + [1.0] * 2
    (answered,) = with_signals(ground.signals, [Answered(0, "", "", {"sure": 2.0})])
    assert answered.signals["chance"] == pytest.approx(0.9)


def test_it_is_worked_out_after_the_signals_that_are_there() -> None:
    once = with_chance(random_ground(), "logprob_mean", "platt")
    twice = with_chance(once, "tokens")
    assert twice.signals[0] is once.signals[0] and len(twice.signals) == 2
    assert np.isfinite(twice.table.signals["chance"]).all()


def test_a_signal_that_is_not_there_is_named_with_the_way_out() -> None:
    known = "logprob_mean, other, tokens"
    with pytest.raises(ValueError, match=rf"no signal scorer; signals that they have: {known}\..*collect --logprobs"):
        with_chance(random_ground(), "scorer")
