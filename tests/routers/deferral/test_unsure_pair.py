"""When the best two are close, who of them is tried first, and what is kept."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.state import Answer, Call, Candidate, State
from anabranch.routers.deferral.unsure_pair import UnsurePair

PAIR = UnsurePair((0, 1, 2), lam=0.0625, delta=0.25, threshold=0.8, signal="chance")
COST = [1.0, 2.0, 6.0]


def began(estimates: list[float], cost: list[float] = COST) -> State:
    return State((), np.array(estimates), np.array(cost), u=0.0)


def called(policy: UnsurePair, state: State, *, failed: bool = False) -> list[int]:
    """Who is called in turn, if no answer is sure."""
    while isinstance(action := policy.decide(state), Call):
        (model,) = action.models
        state = state.after([Candidate(model, signals={"chance": 0.0}, failed=failed)])
    return [one.model for one in state.candidates]


def test_a_clear_best_answers_alone() -> None:
    """Worth 0.25 - 1/16, 0.25 - 2/16 and 1 - 6/16: 0.1875, 0.125 and 0.625, a lead of 0.4375."""
    state = began([0.25, 0.25, 1.0])
    assert called(PAIR, state) == [2]
    assert PAIR.decide(state.after([Candidate(2)])) == Answer(0, "only")


def test_of_a_close_pair_the_cheaper_one_is_tried_and_its_sure_answer_kept() -> None:
    """Worth 0.4375, 0.125 and 0.625: the best, 2, leads by 0.1875, less than 0.25, and 0 is the cheaper one of both."""
    state = began([0.5, 0.25, 1.0])
    assert called(PAIR, state) == [0, 2]
    assert PAIR.decide(state.after([Candidate(0, signals={"chance": 0.8})])) == Answer(0, "sure")
    assert PAIR.decide(state.after([Candidate(0), Candidate(2)])) == Answer(1, "last")


def test_the_best_is_tried_first_if_it_is_the_cheaper_one() -> None:
    """Worth 0.6875, 0.625 and 0.125: 0 leads by 0.0625."""
    assert called(PAIR, began([0.75, 0.75, 0.5])) == [0, 1]


def test_the_lead_of_delta_is_clear() -> None:
    """Worth 0.375 for 0 and 0.625 for 2: a lead of 0.25."""
    state = began([0.4375, 0.0, 1.0])
    assert called(PAIR, state) == [2]
    assert called(replace(PAIR, delta=0.26), state) == [0, 2]
    assert called(replace(PAIR, delta=-inf), began([0.5, 0.5, 0.5])) == [0]
    assert called(replace(PAIR, delta=inf), state) == [0, 2]


def test_the_price_moves_who_is_in_the_pair() -> None:
    """At 0.125 a USD: 0.375, 0.625 and 0.25; without a price: 0.5, 0.875 and 1."""
    estimates = [0.5, 0.875, 1.0]
    assert called(replace(PAIR, lam=0.125, delta=inf), began(estimates)) == [0, 1]
    assert called(replace(PAIR, lam=0.0, delta=inf), began(estimates)) == [1, 2]


def test_unknown_costs_are_as_dear_as_the_dearest_and_unknown_estimates_worst() -> None:
    """With 6 for the unknown cost 0 is worth 0.5 - 0.375 = 0.125, 1 is worth 0.375; with 1 it would lead by 0.0625."""
    assert called(PAIR, began([0.5, 0.5, nan], [nan, 2.0, 6.0])) == [1]
    assert called(replace(PAIR, delta=inf), began([nan, nan, 0.5])) == [2]
    assert called(PAIR, began([nan, nan, nan], [nan, nan, nan])) == [0, 1]
    assert called(UnsurePair((1,), 0.0, inf, 0.5, "chance"), began([0.5, 0.5, 0.5])) == [1]


def test_if_they_fail_the_next_best_stands_in() -> None:
    """By worth: 2, 0, 1."""
    assert called(PAIR, began([0.375, 0.25, 1.0]), failed=True) == [2, 0, 1]
    assert called(PAIR, began([0.5, 0.25, 1.0]), failed=True) == [0, 2, 1]


@settings(max_examples=40, deadline=None)
@given(estimates=st.lists(st.floats(-3, 3), min_size=3, max_size=3), delta=st.floats(0, 2))
def test_the_best_is_always_called_or_the_cheaper_one_was_sure(estimates: list[float], delta: float) -> None:
    policy, state = replace(PAIR, delta=delta), began(estimates)
    worth = np.array(estimates) - 0.0625 * np.array(COST)
    asked = called(policy, state)
    assert worth[asked].max() == pytest.approx(worth.max(), abs=1e-12) and len(asked) <= 2
    assert asked == sorted(asked)


@pytest.mark.parametrize("lam", [-0.1, inf, nan])
def test_a_price_is_finite_and_not_negative(lam: float) -> None:
    with pytest.raises(ValueError, match="finite and at least 0"):
        replace(PAIR, lam=lam)
