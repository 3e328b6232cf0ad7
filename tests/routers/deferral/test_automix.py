from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.automix import AutoMix, bin_of
from anabranch.routers.deferral.state import Action, Answer, Call, Candidate, State
from anabranch.training.replay.executor import replay

HALF_SURE = AutoMix((0, 1), (False, True, False))


def decided(policy: AutoMix, *said: Candidate) -> Action:
    return policy.decide(State(said, np.ones(2), np.ones(2), u=0.0))


def test_it_escalates_at_the_bins_it_was_told() -> None:
    """Three bins: 0, a half and 1. A share of 1/4 is as near to a half as to 0, and halves go up."""
    shares = [0.0, 0.24, 0.25, 0.5, 0.74, 0.75, 1.0]
    ends = [decided(HALF_SURE, Candidate(0, signals={"verify": share})) for share in shares]
    keep, call = Answer(0, "sure"), Call((1,), "unsure")
    assert ends == [keep, keep, call, call, call, keep, keep]


def test_a_share_that_is_not_known_counts_as_none_correct() -> None:
    doubtful = AutoMix((0, 1), (True, False, False))
    for signals in ({}, {"verify": nan}):
        assert decided(HALF_SURE, Candidate(0, signals=signals)) == Answer(0, "sure")
        assert decided(doubtful, Candidate(0, signals=signals)) == Call((1,), "unsure")


def test_some_answers_always_escalate() -> None:
    policy = AutoMix((0, 1), (False, False), always=("unanswerable",))
    assert decided(policy, Candidate(0, key="unanswerable", signals={"verify": 1.0})) == Call((1,), "always")
    assert decided(policy, Candidate(0, key="42", signals={"verify": 0.0})) == Answer(0, "sure")
    assert decided(policy, Candidate(0)) == Answer(0, "sure")


def test_failures_lead_on_and_back() -> None:
    small, large = Candidate(0, key="a", signals={"verify": 0.5}), Candidate(1, failed=True)
    assert decided(HALF_SURE, Candidate(0, failed=True)) == Call((1,), "failed")
    assert decided(HALF_SURE, small, large) == Answer(0, "large")
    assert decided(HALF_SURE, small, Candidate(1)) == Answer(1, "large")


@given(st.integers(1, 100), st.data())
def test_shares_fall_exactly_where_whole_numbers_say(checks: int, data: st.DataObject) -> None:
    """Nearest of i / B to k / n, halves up: the floor of (2 k B + n) / (2 n); float32 changes nothing."""
    correct, bins = data.draw(st.integers(0, checks)), data.draw(st.integers(1, 40))
    expected = (2 * correct * bins + checks) // (2 * checks)
    assert bin_of(correct / checks, bins) == expected
    assert bin_of(float(np.float32(correct) / np.float32(checks)), bins) == expected


def test_a_share_between_two_bins_goes_up_though_its_float_is_below() -> None:
    """Three of twenty checks are half-way between 1/10 and 2/10; the float 0.15 is a little less than that."""
    assert bin_of(3 / 20, 10) == 2


def test_both_extremes_cost_what_was_called() -> None:
    """Never escalating is the small model; always is the large model's quality at the cost of both."""
    rng = np.random.default_rng(0)
    quality, cost_usd = rng.uniform(size=(30, 2)), rng.uniform(1, 2, (30, 2))
    table = ReplayTable.from_arrays(
        ["a", "b"], quality, cost_usd=cost_usd, signals={"verify": rng.uniform(size=(30, 2))}
    )
    never, always = (replay(AutoMix((0, 1), (flag,) * 5), table) for flag in (False, True))
    np.testing.assert_allclose(never.quality, quality[:, 0], rtol=1e-6)
    np.testing.assert_allclose(never.cost_usd, cost_usd[:, 0])
    np.testing.assert_allclose(always.quality, quality[:, 1], rtol=1e-6)
    np.testing.assert_allclose(always.cost_usd, cost_usd.sum(axis=1))


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="a small one and a large one"):
        AutoMix((1, 1), (True, False))
    with pytest.raises(ValueError, match=r"B bins need B \+ 1"):
        AutoMix((0, 1), (True,))
