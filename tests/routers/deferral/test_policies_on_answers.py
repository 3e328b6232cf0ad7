"""What holds for every policy on answers: it ends, it is pure, and the order within a wave says nothing."""

from collections import Counter
from dataclasses import replace
from math import nan
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Abstain, Answer, Call, Candidate, State
from anabranch.training.replay.executor import replay
from tests.routers.deferral.policies_on_answers import MOST_CALLS, POLICIES

End = tuple[tuple[str, int | None, int | None], Counter[int]]


def said(model: int, sample: int, world: Random) -> Candidate:
    """An answer of any kind: it may fail, say nothing, or lack signals."""
    signals = {name: world.choice([0.0, 0.3, 1.0, nan]) for name in ("verify", "reward") if world.random() < 0.8}
    return Candidate(
        model,
        sample,
        world.choice([None, 1, 2, 3]),
        signals,
        cost_usd=world.choice([0.1, 0.2, 0.7, nan]),
        failed=world.random() < 0.25,
    )


def played(policy: Deferral, world: int, u: float, order: Random | None) -> End:
    """How a policy ends in a world of answers; waves come back shuffled by `order`."""
    state = State((), np.array([0.2, 0.5, nan]), np.array([0.1, nan, 1.0]), u)
    calls: Counter[int] = Counter()
    for _ in range(MOST_CALLS + 1):
        action = policy.decide(state)
        assert action == policy.decide(state)
        if isinstance(action, Call):
            wave = []
            for model in action.models:
                wave.append(said(model, calls[model], Random(f"{world} {model} {calls[model]}")))
                calls[model] += 1
            state = state.after(order.sample(wave, len(wave)) if order else wave)
        elif isinstance(action, Answer):
            picked = state.candidates[action.pick]
            assert not picked.failed
            return ("answer " + action.reason, picked.model, picked.sample), calls
        else:
            assert all(one.failed for one in state.candidates)
            return ("abstain " + action.reason, None, None), calls
    raise AssertionError(f"{policy} does not end")


@pytest.mark.parametrize("name", POLICIES)
@given(world=st.integers(0, 10**6), u=st.floats(0, 1, exclude_max=True), order=st.integers(0, 10**6))
@settings(max_examples=15, deadline=None)
def test_it_ends_and_the_order_within_a_wave_changes_nothing(name: str, world: int, u: float, order: int) -> None:
    policy = POLICIES[name]
    end, calls = played(policy, world, u, None)
    assert 1 <= sum(calls.values()) <= MOST_CALLS and set(calls) <= set(policy.models)
    assert played(policy, world, u, Random(order)) == (end, calls)


@pytest.mark.parametrize("name", POLICIES)
def test_where_every_call_fails_it_abstains(name: str) -> None:
    state, policy = State((), np.ones(3), np.ones(3), u=0.3), POLICIES[name]
    while isinstance(action := policy.decide(state), Call):
        wave = [Candidate(model, failed=True, cost_usd=1.0) for model in action.models]
        state = state.after([replace(one, sample=place) for place, one in enumerate(wave)])
    assert action == Abstain("every call failed") and len(state.candidates) <= MOST_CALLS


@pytest.mark.parametrize("name", POLICIES)
def test_it_replays_and_reads_no_quality(name: str) -> None:
    """Shuffled qualities end with the same models at the same cost."""
    rng, shape = np.random.default_rng(0), (60, 3, 5)
    table = ReplayTable.from_arrays(
        ["a", "b", "c"],
        rng.uniform(size=shape),
        cost_usd=rng.uniform(1, 2, shape),
        key=rng.integers(-1, 3, shape),
        signals={"verify": rng.uniform(size=shape), "reward": rng.uniform(size=shape)},
    )
    done = replay(POLICIES[name], table)
    other = replay(POLICIES[name], replace(table, quality=rng.permuted(table.quality)))
    assert np.array_equal(done.model, other.model) and np.array_equal(done.cost_usd, other.cost_usd)
    assert not done.abstained.any()
