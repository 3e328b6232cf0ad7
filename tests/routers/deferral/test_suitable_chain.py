"""Which models suit a prompt, and in which order they are called."""

from dataclasses import replace
from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.state import Answer, Call, Candidate, State
from anabranch.routers.deferral.suitable_chain import SuitableChain

CHAIN = SuitableChain((2, 0, 1), tau=-0.25, threshold=0.8, signal="chance")


def called(policy: SuitableChain, estimates: list[float], *, chance: float = 0.0, failed: bool = False) -> list[int]:
    """Who is called in turn, if all answers look alike."""
    state = State((), np.array(estimates), np.ones(len(estimates)), u=0.0)
    while isinstance(action := policy.decide(state), Call):
        (model,) = action.models
        state = state.after([Candidate(model, signals={"chance": chance}, failed=failed)])
    return [one.model for one in state.candidates]


def test_models_that_are_not_far_behind_the_best_are_called_from_cheap_to_dear() -> None:
    """The best is 0.75 on the first prompt: model 0 is 0.125 behind, model 2 is 0.25 behind and just suits.

    On the second prompt both others are 0.5 behind.
    """
    assert called(CHAIN, [0.625, 0.75, 0.5]) == [2, 0, 1]
    assert called(CHAIN, [0.25, 0.75, 0.25]) == [1]


def test_the_first_sure_answer_is_kept_and_the_last_whatever_it_looks_like() -> None:
    state = State((Candidate(2, signals={"chance": 0.7}),), np.array([0.25, 0.5, 0.5]), np.ones(3), u=0.0)
    assert called(CHAIN, [0.5, 0.5, 0.5], chance=0.8) == [2]
    assert CHAIN.decide(state.after([Candidate(0, signals={"chance": 0.8})])) == Answer(1, "sure")
    assert CHAIN.decide(state.after([Candidate(0), Candidate(1)])) == Answer(2, "last")


@pytest.mark.parametrize(("tau", "expected"), [(0.0, [1]), (-0.125, [0, 1]), (-0.2, [0, 1]), (-inf, [2, 0, 1])])
def test_tau_goes_from_routing_to_a_chain_of_all(tau: float, expected: list[int]) -> None:
    assert called(replace(CHAIN, tau=tau), [0.625, 0.75, 0.5]) == expected


@pytest.mark.parametrize(("at_least", "expected"), [(1, [1]), (2, [2, 1]), (3, [2, 0, 1]), (9, [2, 0, 1])])
def test_if_too_few_suit_the_highest_estimates_do_and_ties_go_to_the_cheaper(
    at_least: int, expected: list[int]
) -> None:
    """Models 0 and 2 are both 0.5 behind model 1; model 2 comes first in price."""
    assert called(replace(CHAIN, at_least=at_least), [0.25, 0.75, 0.25]) == expected


def test_an_unknown_estimate_is_no_reason_to_call_unless_none_is_known() -> None:
    assert called(CHAIN, [nan, 0.1, nan]) == [1]
    assert called(CHAIN, [nan, nan, nan]) == [2, 0, 1]
    assert called(replace(CHAIN, tau=-inf), [nan, 0.1, nan]) == [2, 0, 1]


def test_if_all_that_suit_fail_the_others_stand_in_by_their_estimates() -> None:
    assert called(replace(CHAIN, tau=0.0), [0.5, 0.75, 0.25], failed=True) == [1, 0, 2]


@settings(max_examples=30, deadline=None)
@given(
    # eighths, so that nothing is rounded
    estimates=st.lists(st.integers(-16, 16), min_size=3, max_size=3),
    shift=st.integers(-40, 40),
    tau=st.integers(-8, 0),
)
def test_what_a_router_expects_of_all_models_alike_does_not_matter(estimates: list[int], shift: int, tau: int) -> None:
    policy = replace(CHAIN, tau=tau / 8)
    first, second = ([(one + by) / 8 for one in estimates] for by in (0, shift))
    assert called(policy, first) == called(policy, second)


@pytest.mark.parametrize("wrong", [{"tau": 0.1}, {"tau": nan}, {"at_least": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="tau is at most 0, the best estimate, and at_least is 1 or more"):
        replace(CHAIN, **wrong)  # type: ignore[arg-type]
