"""A pair of models that may be called at once."""

from math import inf, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.signal_maps import Sigmoid, SignalMap, Steps
from anabranch.routers.deferral.speculative import Speculative
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, Candidate, State
from anabranch.routers.deferral.threshold_chain import ThresholdChain

KEEPS = Steps((0.0, 0.5), (0.25, 0.75))
AT_ONCE, ALONE = Call((1, 0), "speculative"), Call((1,), "first")


def pair(
    *,
    wait_s: float = 2.0,
    usd_per_s: float = 1.0,
    late_s: float = 0.0,
    keeps: SignalMap = KEEPS,
    threshold: float = 0.5,
) -> Speculative:
    """The small model is number 1, the large one number 0."""
    return Speculative((1, 0), threshold, "sure", keeps, wait_s, usd_per_s, late_s)


def before(small: float = 0.3, large_usd: float = 5.0) -> State:
    return State((), np.array([0.9, small]), np.array([large_usd, 1.0]), u=0.5)


def said(model: int, sure: float | None = None, *, failed: bool = False) -> Candidate:
    return Candidate(model, signals={} if sure is None else {"sure": sure}, cost_usd=1.0, failed=failed)


@pytest.mark.parametrize(
    ("policy", "state", "expected"),
    [
        (pair(), before(), AT_ONCE),  # 1 * 0.75 * 2 = 1.5 > 0.25 * 5 = 1.25
        (pair(), before(large_usd=6.0), ALONE),  # 1.5 is just 0.25 * 6: at the break-even nothing is gained
        (pair(), before(large_usd=5.99), AT_ONCE),
        (pair(), before(small=0.5), ALONE),  # 1 * 0.25 * 2 < 0.75 * 5
        (pair(usd_per_s=7.51), before(small=0.5), AT_ONCE),  # 7.51 * 0.5 > 3.75
        (pair(late_s=1.0), before(), ALONE),  # 0.75 * 2 - 0.25 * 1 = 1.25 is just 0.25 * 5
        (pair(late_s=0.99), before(), AT_ONCE),
        (pair(keeps=Steps((0.0,), (0.0,)), usd_per_s=0.01), before(), AT_ONCE),  # it is needed anyhow: nothing wasted
        (pair(keeps=Steps((0.0,), (0.0,)), usd_per_s=0.0), before(), ALONE),  # nothing is saved either
    ],
)
def test_both_are_called_where_the_wait_is_worth_more_than_the_waste(
    policy: Speculative, state: State, expected: Action
) -> None:
    assert policy.decide(state) == expected


@pytest.mark.parametrize(
    ("policy", "state"),
    [(pair(wait_s=nan), before()), (pair(), before(small=nan)), (pair(), before(large_usd=nan))],
)
def test_what_is_not_known_is_no_reason_to_call(policy: Speculative, state: State) -> None:
    assert policy.decide(state) == ALONE


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ((said(1, 0.6), said(0)), Answer(0, "sure")),
        ((said(1, 0.5), said(0)), Answer(0, "sure")),
        ((said(0), said(1, 0.6)), Answer(1, "sure")),  # whichever came first
        ((said(1, 0.4), said(0)), Answer(1, "last")),
        ((said(1, nan), said(0)), Answer(1, "last")),
        ((said(1), said(0)), Answer(1, "last")),
        ((said(1, 0.9, failed=True), said(0)), Answer(1, "last")),
        ((said(1, 0.4), said(0, failed=True)), Answer(0, "last")),
        ((said(1, failed=True), said(0, failed=True)), Abstain("every call failed")),
        ((said(1, 0.6),), Answer(0, "sure")),
        ((said(1, 0.4),), Call((0,), "unsure")),
        ((said(1, failed=True),), Call((0,), "unsure")),
    ],
)
def test_the_small_answer_is_kept_if_it_is_sure(candidates: tuple[Candidate, ...], expected: Action) -> None:
    assert pair().decide(before().after(list(candidates))) == expected


def played(policy: Deferral, state: State, world: dict[int, Candidate]) -> tuple[Action, State, int]:
    """How it ends, what it saw, and after how many waves."""
    waves = 0
    while isinstance(action := policy.decide(state), Call):
        state, waves = state.after([world[model] for model in action.models]), waves + 1
    return action, state, waves


ANSWERS = st.tuples(st.sampled_from([None, 0.0, 0.5, 1.0, nan, inf, -inf]), st.booleans())
MAPS = st.one_of(
    st.builds(Sigmoid, st.floats(0, 9), st.floats(-9, 9)),
    st.builds(lambda low, high: Steps((0.2, 0.6), (min(low, high), max(low, high))), st.floats(0, 1), st.floats(0, 1)),
)


@settings(max_examples=80, deadline=None)
@given(
    keeps=MAPS,
    times=st.tuples(st.floats(0, 9), st.floats(0, 9), st.floats(0, 9)),
    threshold=st.sampled_from([-inf, 0.5, 0.7, inf]),
    quality=st.sampled_from([nan, 0.1, 0.5, 0.9]),
    cost=st.sampled_from([nan, 0.0, 1.0]),
    small=ANSWERS,
    large=ANSWERS,
)
def test_the_answer_is_that_of_the_chain(
    keeps: SignalMap,
    times: tuple[float, float, float],
    threshold: float,
    quality: float,
    cost: float,
    small: tuple[float | None, bool],
    large: tuple[float | None, bool],
) -> None:
    """For the same reason; every call of the chain is made, in no more waves, and without a price of time no other."""
    wait_s, usd_per_s, late_s = times
    policy = pair(wait_s=wait_s, usd_per_s=usd_per_s, late_s=late_s, keeps=keeps, threshold=threshold)
    chain, start = ThresholdChain((1, 0), (threshold,), "sure"), before(quality, cost)
    world = {model: said(model, sure, failed=failed) for model, (sure, failed) in ((1, small), (0, large))}
    (end, seen, waves), (chained, chain_seen, chain_waves) = played(policy, start, world), played(chain, start, world)
    if isinstance(chained, Answer):
        assert isinstance(end, Answer) and end.reason == chained.reason
        assert seen.candidates[end.pick] is chain_seen.candidates[chained.pick]
    else:
        assert end == chained
    assert seen.candidates[: len(chain_seen.candidates)] == chain_seen.candidates and waves <= chain_waves
    if usd_per_s == 0:
        assert seen.candidates == chain_seen.candidates and waves == chain_waves


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 0.9),
    st.floats(0, 0.5),
    st.floats(0.1, 9),
    st.floats(0, 9),
    st.floats(0, 9),
)
def test_it_calls_early_more_often_the_less_is_expected_and_the_more_a_second_is_worth(
    small: float, more: float, usd_per_s: float, raised: float, large_usd: float
) -> None:
    policy = pair(usd_per_s=usd_per_s, keeps=Sigmoid(4.0, -2.0))
    if policy.speculates(before(small + more, large_usd)):
        assert policy.speculates(before(small, large_usd))
    if policy.speculates(before(small, large_usd)):
        assert pair(usd_per_s=usd_per_s + raised, keeps=Sigmoid(4.0, -2.0)).speculates(before(small, large_usd))


def test_an_estimate_meets_an_edge_that_was_fitted_in_single_precision() -> None:
    """0.8 in single precision is a little more, 0.800000012."""
    edge = float(np.float32(0.8))
    assert not pair(keeps=Steps((0.0, edge), (0.0, 1.0))).speculates(before(0.8))


@pytest.mark.parametrize("usd_per_s", [-0.1, inf, nan])
def test_a_second_has_a_finite_price(usd_per_s: float) -> None:
    with pytest.raises(ValueError, match="must be finite and 0 or more"):
        pair(usd_per_s=usd_per_s)


@pytest.mark.parametrize("models", [(1, 1), (0, 1, 2)])
def test_a_pair_is_two(models: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="two that differ"):
        Speculative(models, 0.5, "sure", KEEPS, 1.0, 1.0)
