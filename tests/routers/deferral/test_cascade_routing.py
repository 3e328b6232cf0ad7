"""Cascade routing: its limits, how it ends, how it breaks ties."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.state import Abstain, Answer, Call, Candidate, State
from anabranch.training.replay.exact_routing import ExactRouting


def believing(models: int, *, variance: float, informative: float = 1.0) -> GaussianBelief:
    """Estimates are unbiased, qualities independent around them; the signal is the quality, times `informative`.

    The signal then moves the mean with variance `informative`^2 * `variance`: it is of variance `variance`, and its
    covariance with the quality is `informative * variance`.
    """
    unit = np.eye(models)
    covariance = variance * np.block([[unit, informative * unit], [informative * unit, unit]])
    return GaussianBelief(
        ("sure",),
        (0.0,) * models,
        (0.0,) * (2 * models),
        tuple(map(tuple, np.vstack([unit, unit]).tolist())),
        tuple(map(tuple, covariance.tolist())),
    )


def policy(models: int, lam: float, *, variance: float = 0.04, **settings: object) -> CascadeRouting:
    made = CascadeRouting(tuple(range(models)), believing(models, variance=variance), lam)
    return replace(made, **settings)  # type: ignore[arg-type]


def fresh(estimates: list[float], cost: list[float], u: float = 0.5) -> State:
    return State((), np.array(estimates), np.array(cost), u)


def run(one: CascadeRouting, state: State, truth: Mapping[int, float]) -> tuple[list[int], int]:
    """The models called, in order, and the one whose answer it was; signals are the true qualities."""
    for _ in range(64):
        action = one.decide(state)
        if isinstance(action, Answer):
            return [each.model for each in state.candidates], state.candidates[action.pick].model
        assert isinstance(action, Call)
        state = state.after([Candidate(model, signals={"sure": truth[model]}) for model in action.models])
    raise AssertionError("does not end")


problems = st.integers(0, 10**6)


def drawn(seed: int, models: int) -> tuple[State, dict[int, float]]:
    rng = np.random.default_rng(seed)
    estimates = rng.random(models)
    truth = dict(enumerate(estimates + rng.normal(0, 0.2, models)))
    return fresh(estimates.tolist(), rng.uniform(0.05, 1, models).tolist(), float(rng.random())), truth


@settings(max_examples=30, deadline=None)
@given(seed=problems, models=st.integers(1, 6), lam=st.sampled_from([0.0, 0.1, 0.5, 5.0]))
def test_sure_estimates_or_one_call_are_routing(seed: int, models: int, lam: float) -> None:
    """With nothing to learn from calls, or only one of them, it calls argmax of estimate - lam * cost, no more."""
    state, truth = drawn(seed, models)
    routed = ExactRouting(lam, 0.0, 0.0, 0.0).choose(state.quality[None], state.cost_usd[None], [state.u]).tolist()
    assert run(policy(models, lam, variance=0.0), state, truth)[0] == routed
    assert run(policy(models, lam, max_depth=1), state, truth)[0] == routed


def prefix_cascade(one: CascadeRouting, state: State, truth: Mapping[int, float]) -> list[int]:
    """Optimal cascading written out: go on if some longer prefix is worth more than stopping."""
    length = 0
    while length < len(one.models):
        estimates = np.array([truth[m] if m < length else state.quality[m] for m in one.models])
        moves = one.belief.known(tuple(range(length)), tuple(len(one.models) + m for m in range(length))).moves
        looks = estimates[:, None] + moves
        ends = range(1, len(looks) + 1)
        worth = [looks[:end].max(axis=0).mean() - one.lam * state.cost_usd[length:end].sum() for end in ends]
        if length and worth[length - 1] >= max(worth[length:]):
            break
        length += 1
    return list(range(length))


@settings(max_examples=30, deadline=None)
@given(seed=problems, models=st.integers(1, 5), lam=st.sampled_from([0.0, 0.1, 0.5]))
def test_prefixes_alone_are_cascading(seed: int, models: int, lam: float) -> None:
    state, truth = drawn(seed, models)
    one = policy(models, lam, forced=True)
    assert run(one, state, truth)[0] == prefix_cascade(one, state, truth)


def test_free_calls_are_all_made() -> None:
    """At price 0 every model whose mean can still move adds to the expected best."""
    state = fresh([0.5, 0.55, 0.6, 0.5], [1.0, 2.0, 3.0, 4.0])
    called, answer = run(policy(4, 0.0), state, {0: 0.5, 1: 0.6, 2: 0.5, 3: 0.4})
    assert (called, answer) == ([0, 1, 2, 3], 1)


def test_the_answer_is_the_best_believed_not_the_last() -> None:
    """Model 0 looks better than model 1 once both were called; called a third time there is nothing to gain."""
    state = fresh([0.5, 0.5], [1.0, 1.0]).after(
        [Candidate(0, signals={"sure": 0.8}), Candidate(1, signals={"sure": 0.3})]
    )
    assert policy(2, 0.0).decide(state) == Answer(0, "best")


def test_of_equals_one_draw_decides() -> None:
    """Sure estimates 0.5 and 0.7 at costs 1 and 2 and the price 0.2 are worth 0.3 both; gamma 0.4 of prompts pay 2."""
    one = policy(2, 0.2, variance=0.0, gamma=0.4)
    called = [one.decide(fresh([0.5, 0.7], [1.0, 2.0], u)) for u in (0.0, 0.39, 0.4, 0.99)]
    assert called == [Call((model,), "first") for model in (1, 1, 0, 0)]


def test_the_cheapest_or_the_best_of_a_set_is_called_first() -> None:
    """At a low price all three pay; the cheapest is model 2, the best model 1; a forced order begins with model 0."""
    state = fresh([0.5, 0.55, 0.5], [2.0, 3.0, 1.0])
    assert policy(3, 0.001).decide(state) == Call((2,), "first")
    assert policy(3, 0.001, best_first=True).decide(state) == Call((1,), "first")
    assert policy(3, 0.001, forced=True).decide(state) == Call((0,), "first")


def test_models_have_their_own_numbers() -> None:
    """Models 4 and 2 of five: the sure estimate 0.9 is that of model 2."""
    one = CascadeRouting((4, 2), believing(2, variance=0.0), lam=0.1)
    state = fresh([0.0, 0.0, 0.9, 0.0, 0.5], [9.0, 9.0, 1.0, 9.0, 1.0])
    assert one.decide(state) == Call((2,), "first")
    assert one.decide(state.after([Candidate(2, signals={"sure": 0.9})])) == Answer(0, "best")


def test_a_failed_call_is_no_answer_and_is_not_made_again() -> None:
    one = policy(2, 0.0, max_depth=1)
    state = fresh([0.9, 0.5], [1.0, 1.0]).after([Candidate(0, failed=True)])
    assert one.decide(state) == Call((1,), "first")
    assert one.decide(state.after([Candidate(1)])) == Answer(1, "best")
    assert isinstance(one.decide(state.after([Candidate(1, failed=True)])), Abstain)


def test_unknown_costs() -> None:
    """An unknown cost counts as the dearest known, 3: 0.7 - 0.1 * 3 < 0.5; with no cost known the best is called."""
    one = policy(3, 0.1, variance=0.0)
    assert one.decide(fresh([0.5, 0.7, 0.7], [1.0, np.nan, 3.0])) == Call((0,), "first")
    assert one.decide(fresh([0.5, 0.6, 0.7], [np.nan] * 3)) == Call((2,), "first")


candidates = st.builds(
    Candidate,
    model=st.integers(0, 4),
    signals=st.dictionaries(st.sampled_from(["sure", "other"]), st.floats(allow_nan=True, width=32), max_size=2),
    failed=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(
    waves=st.lists(candidates, min_size=8, max_size=8),
    already=st.lists(candidates, max_size=3),
    estimates=st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=5, max_size=5),
    lam=st.sampled_from([0.0, 0.3]),
    forced=st.booleans(),
)
def test_it_ends_whatever_comes_back(
    waves: list[Candidate], already: list[Candidate], estimates: list[float], lam: float, forced: bool
) -> None:
    one = policy(5, lam, forced=forced)
    state = fresh(estimates, [0.1, 0.2, 0.3, 0.4, 0.5]).after(already)
    for answer in waves:
        action = one.decide(state)
        assert action == one.decide(state)
        if not isinstance(action, Call):
            break
        (model,) = action.models
        assert not state.calls_of(model)
        state = state.after([replace(answer, model=model)])
    else:
        raise AssertionError("does not end")
    if isinstance(action, Answer):
        assert not state.candidates[action.pick].failed
    else:
        assert not state.answers


def test_settings_out_of_range_are_errors() -> None:
    with pytest.raises(ValueError, match="3 models and a belief of 2"):
        CascadeRouting((0, 1, 2), believing(2, variance=0.1), 0.0)
    for wrong in ({"lam": -1.0}, {"lam": float("inf")}, {"gamma": 1.5}, {"max_depth": 0}):
        with pytest.raises(ValueError, match="lam is finite"):
            replace(policy(2, 0.1), **wrong)
