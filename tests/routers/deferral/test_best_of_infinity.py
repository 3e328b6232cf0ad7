from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc

from anabranch.routers.deferral.best_of_infinity import BestOfInfinity
from anabranch.routers.deferral.state import Answer, Call, Candidate, State


def after(keys: str, u: float = 0.0) -> State:
    """A letter a draw; a dot says nothing, an exclamation mark failed."""
    said = [
        Candidate(0, sample, None if key in ".!" else key, cost_usd=float(sample), failed=key == "!")
        for sample, key in enumerate(keys)
    ]
    return State(tuple(said), np.ones(3), np.ones(3), u)


def test_the_factor_is_the_number_of_answers_times_the_odds() -> None:
    """n draws that agree against one answer never seen: shapes n + 1 and 1.3, two answers.

    For n = 1 the other is larger with probability 1 - 0.5^1.3 (2.3 - 1.3 / 2) = 0.32989:
    2 * 0.67011 / 0.32989 = 4.0626.
    """
    policy = BestOfInfinity((0,))
    assert policy.factor(after("a")) == pytest.approx(4.0626, abs=1e-3)
    other = betainc(6.0, 1.3, 0.5)
    assert policy.factor(after("aaaaa")) == pytest.approx(2 * (1 - other) / other, rel=1e-4)


def test_without_the_answer_never_seen_two_even_answers_have_even_odds() -> None:
    """Shapes 2, 2 and 1 (unseen 0): the third is the largest with probability 7/54.

    That is the integral of exp(-x) (1 - exp(-x) (1 + x))^2 = 1 - 2 (1/2 + 1/4) + (1/3 + 2/9 + 2/27). So each of the
    two is the largest with probability (1 - 7/54) / 2 = 47/108, and the factor is 3 * 47 / 61.
    """
    assert BestOfInfinity((0,), unseen=0.0).factor(after("ab")) == pytest.approx(3 * 47 / 61, abs=1e-5)


def test_it_stops_once_the_factor_is_reached_at_a_check() -> None:
    """Factors of 1, 2 and 3 draws that agree are 4.06, 10.5 and above; the checks are after 1 and 3."""
    policy = BestOfInfinity((0,), bayes_factor=10.0, checks=(1, 3, 5))
    assert policy.decide(after("")) == Call((0,), "first")
    assert policy.decide(after("a")) == Call((0, 0), "unsure")
    assert policy.decide(after("aaa")) == Answer(0, "sure")
    assert policy.decide(after("aab")) == Call((0, 0), "unsure")
    assert policy.decide(after("aabbc")) == Answer(0, "last")


def test_the_answer_never_seen_and_the_unreadable_one_cannot_win() -> None:
    """Only what cannot be read: the released code would call that certain at once."""
    policy = BestOfInfinity((0,), bayes_factor=3.0, checks=(1, 2))
    assert policy.factor(after(".")) == 0.0
    assert policy.decide(after(".")) == Call((0,), "unsure")
    assert policy.decide(after(".a")) == Answer(1, "last")
    assert policy.decide(after("..")) == Answer(0, "last")


def test_a_failed_call_is_no_draw_but_a_call() -> None:
    policy = BestOfInfinity((0,), checks=(3,))
    assert policy.factor(after("a!!")) == policy.factor(after("a"))
    assert policy.factor(after("a..")) < policy.factor(after("a"))
    assert policy.decide(after("a!!")) == Answer(0, "last")


@given(st.text("abc.", min_size=0, max_size=12), st.sampled_from([0.0, 0.3, 1.0]))
@settings(max_examples=30, deadline=None)
def test_repeating_the_leader_never_lowers_the_factor(keys: str, unseen: float) -> None:
    policy = BestOfInfinity((0,), unseen=unseen)
    factors = [policy.factor(after(keys + "a" * more)) for more in range(12, 16)]
    assert all(later >= sooner for sooner, later in pairwise(factors))


def test_draws_fall_on_models_by_their_weights() -> None:
    """Over 1000 u and 3 draws each, the counts are within 1 of their share: draws are spread evenly, not at random."""
    policy = BestOfInfinity((4, 7, 9), weights=(1.0, 0.0, 3.0), checks=(3,))
    drawn = [policy.decide(after("", (place + 0.5) / 1000)) for place in range(1000)]
    for draw in range(3):
        models = [call.models[draw] for call in drawn if isinstance(call, Call)]
        assert len(models) == 1000 and models.count(7) == 0 and abs(models.count(4) - 250) <= 1


def test_a_weight_of_nothing_is_never_drawn() -> None:
    assert BestOfInfinity((4, 7), weights=(0.0, 1.0)).decide(after("", 0.0)) == Call((7,), "first")


def test_settings_that_make_no_sense_are_refused() -> None:
    for weights in [(1.0,), (-1.0, 2.0), (0.0, 0.0)]:
        with pytest.raises(ValueError, match="give each one, not all 0"):
            BestOfInfinity((0, 1), weights)
    for checks in [(), (0, 1), (2, 2)]:
        with pytest.raises(ValueError, match="must rise from at least 1 call"):
            BestOfInfinity((0,), checks=checks)
