from math import nan

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.model_switch import ModelSwitch
from anabranch.routers.deferral.state import Answer, Call, Candidate, State
from anabranch.training.replay.executor import replay


def after(*asked: str, quality: tuple[float, ...] = (nan, nan, nan)) -> State:
    """One model after another, a letter a sample; a dot says nothing."""
    said = [
        Candidate(model, sample, None if key == "." else key)
        for model, keys in enumerate(asked)
        for sample, key in enumerate(keys)
    ]
    return State(tuple(said), np.array(quality), np.ones(3), u=0.0)


def test_it_goes_on_until_a_model_agrees_with_itself() -> None:
    policy = ModelSwitch((0, 1, 2), samples=3)
    assert policy.decide(after()) == Call((0, 0, 0), "first")
    assert policy.decide(after("aaa")) == Answer(0, "agree")
    assert policy.decide(after("aab")) == Call((1, 1, 1), "disagree")
    assert policy.decide(after("aa.")) == Call((1, 1, 1), "disagree")
    assert policy.decide(after("...", "...")) == Call((2, 2, 2), "disagree")


def test_all_samples_vote_also_once_a_model_agrees() -> None:
    """a three times against b three times and once: b has four of six."""
    assert ModelSwitch((0, 1), samples=3).decide(after("aab", "bbb")) == Answer(2, "agree")


def test_at_the_last_model_it_ends() -> None:
    """b has three of six."""
    assert ModelSwitch((0, 1), samples=3).decide(after("abc", "bbc")) == Answer(1, "last")


def test_less_than_all_can_be_enough() -> None:
    """Two of three is 0.667."""
    assert ModelSwitch((0, 1), samples=3, tau=0.66).decide(after("aba")) == Answer(0, "agree")
    assert ModelSwitch((0, 1), samples=3, tau=0.67).decide(after("aba")) == Call((1, 1, 1), "disagree")


def test_weights_are_certainty_times_estimated_quality() -> None:
    """Four samples, a a b b: entropy log 2, of at most log 4, so certainty 1/2; a a a a: 1.

    Model 0 says b twice with weight 0.5 * 0.9 each and model 1 says a four times with weight 1 * 0.2: 0.9 against
    0.9 + 0.8 for a, whose two of model 0 count as well. With c for a at model 1: 0.9, 0.9 and 0.8.
    """
    policy = ModelSwitch((0, 1), samples=4, weighted=True)
    state = after("aabb", "cccc", quality=(0.9, 0.2, nan))
    assert [policy._weight(state, model) for model in (0, 1)] == pytest.approx([0.45, 0.2])
    assert policy.decide(state) == Answer(0, "agree")
    assert ModelSwitch((0, 1), samples=4).decide(state) == Answer(4, "agree")


def test_what_says_nothing_agrees_with_nobody() -> None:
    """a a . .: entropy 1/2 log 2 + 2 * 1/4 log 4 = 3/2 log 2, of 2 log 2: certainty 1/4. All different: 0."""
    policy = ModelSwitch((0, 1), samples=4, weighted=True)
    assert policy._weight(after("aa.."), 0) == pytest.approx(0.25)
    assert policy._weight(after("abc."), 0) == pytest.approx(0.0, abs=1e-12)


def test_both_extremes_cost_what_was_called() -> None:
    rng, shape = np.random.default_rng(0), (30, 3, 2)
    table = ReplayTable.from_arrays(
        ["a", "b", "c"], rng.uniform(size=shape), cost_usd=rng.uniform(1, 2, shape), key=rng.integers(0, 3, shape)
    )
    first, every = (replay(ModelSwitch((0, 1, 2), samples=2, tau=tau), table) for tau in (0.0, 1.1))
    np.testing.assert_allclose(first.cost_usd, table.cost_usd[:, 0].sum(axis=1))
    np.testing.assert_allclose(every.cost_usd, table.cost_usd.sum(axis=(1, 2)))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one of one"):
        ModelSwitch(())
    with pytest.raises(ValueError, match="must differ"):
        ModelSwitch((0, 0))
