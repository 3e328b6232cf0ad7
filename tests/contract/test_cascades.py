"""The contract of a cascade's recipe, for every row of CASCADES and AFTER."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, cast

import numpy as np
import pytest

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.deferral.settings import CascadeSettings
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, Candidate, State
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.executor import MOST_WAVES, sample_order
from anabranch.training.replay.replayed import Replayed
from tests.contract.cascade_rows import (
    CASCADE_ROWS,
    CASCADE_SETTINGS,
    CASCADE_WORLDS,
    Fitted,
    fit_row,
    recipe_of_row,
    with_served,
)
from tests.contract.cascade_worlds import CascadeWorld, MakeCascade

MOST_POLICIES = 80
"""Each is replayed over all prompts."""

FEW = 100
"""Prompts where it does not matter how good a cascade is."""

rows = pytest.mark.parametrize("row", CASCADE_ROWS)


@pytest.fixture(scope="module", params=CASCADE_ROWS)
def fitted(request: pytest.FixtureRequest) -> Fitted:
    """A row fitted on the world of its assumption."""
    row: str = request.param
    return fit_row(row, CASCADE_WORLDS[row](seed=0))


@pytest.fixture(scope="module", params=CASCADE_ROWS)
def few(request: pytest.FixtureRequest) -> Fitted:
    """A row fitted on few prompts of it."""
    row: str = request.param
    return fit_row(row, few_of(row))


def few_of(row: str) -> CascadeWorld:
    return CASCADE_WORLDS[row](seed=0, prompts=FEW)


def test_every_row_has_a_world() -> None:
    assert set(CASCADE_WORLDS) == set(CASCADE_ROWS) and set(CASCADE_SETTINGS) <= set(CASCADE_ROWS)


def noise(prompts: int) -> float:
    """Three standard errors of a mean quality, at most."""
    return float(3 * 0.5 / np.sqrt(prompts))


@pytest.mark.parametrize("make", list(dict.fromkeys(CASCADE_WORLDS.values())), ids=lambda make: make.__name__)
def test_a_world_is_what_it_says(make: MakeCascade) -> None:
    """It is its seed, models are as good as they should be, and the gain is more than noise."""
    world, same = make(seed=3), make(seed=3)
    assert np.array_equal(world.ground.table.quality, same.ground.table.quality)
    drawn = world.ground.table.quality[:, :, 0]
    assert drawn.mean(axis=0) == pytest.approx(world.singles, abs=noise(len(drawn)))
    assert world.gain > 2 * noise(len(drawn))


def test_it_beats_every_mix_of_single_models(fitted: Fitted) -> None:
    """By what the world says but for noise, on prompts it has not seen, with signals as serving works them out."""
    fresh = CASCADE_WORLDS[fitted.plan.name](seed=1).ground
    seen = replace(fresh, table=with_served(fitted.plan.signals, fresh.table))
    done = [fitted.replayed(stop.policy, seen) for stop in fitted.plan.stops]
    gains = [one.quality.mean() - fitted.world.mixed(one.cost_usd.mean()) for one in done]
    assert max(gains) > fitted.world.gain - noise(len(fresh.table))


def test_stops_rise_in_cost_and_quality(fitted: Fitted) -> None:
    for name in ("quality", "cost_usd"):
        assert (np.diff([getattr(stop, name) for stop in fitted.plan.stops]) > 0).all()


def test_every_stop_is_what_replay_comes_to(fitted: Fitted) -> None:
    for stop in fitted.plan.stops:
        done = fitted.replayed(stop.policy, fitted.ground)
        assert (stop.quality, stop.cost_usd) == (np.nan_to_num(done.quality).mean(), done.cost_usd.mean())
        assert not done.abstained.any()


@rows
def test_candidate_policies_are_a_bounded_number(row: str) -> None:
    recipe = recipe_of_row(row)
    ground = recipe.learn(few_of(row).ground)
    assert 1 <= len(set(recipe.policies(ground))) <= MOST_POLICIES


def test_answers_that_are_not_called_do_not_matter(few: Fitted) -> None:
    """Neither how good they are nor anything else about them; what replay charges is the sum of the calls."""
    for stop in few.plan.stops:
        done = few.replayed(stop.policy, few.ground)
        called = calls_made(few.ground, done)
        table = few.ground.table
        poisoned = replace(
            table,
            quality=np.where(called, table.quality, np.nan),
            cost_usd=np.where(called, table.cost_usd, np.nan),
            key=np.where(called, table.key, 7),
            signals={name: np.where(called, values, np.nan) for name, values in table.signals.items()},
        )
        assert_same(done, few.replayed(stop.policy, replace(few.ground, table=poisoned)))
        charged = np.where(called, table.cost_usd, 0.0).sum(axis=(1, 2))
        assert done.cost_usd == pytest.approx(charged)


def calls_made(ground: Ground, done: Replayed) -> Floats:
    """Which answers were called, [N, M, R]: calls get them in the order that is drawn."""
    turn = sample_order(ground.table, ground.seed).argsort(axis=2)
    return np.asarray(turn < done.calls[:, :, None])


def assert_same(one: Replayed, other: Replayed) -> None:
    assert one.reason == other.reason
    for name in ("model", "quality", "cost_usd", "calls"):
        assert np.array_equal(getattr(one, name), getattr(other, name)), name


def test_as_json_and_back_it_decides_alike(few: Fitted) -> None:
    """Policies and signals are equal, bit by bit, and so is what they do."""
    again = through_json(few)
    assert again.stops == few.plan.stops and again.signals == few.plan.signals
    assert (again.models, again.usual_cost_usd) == (few.plan.models, few.plan.usual_cost_usd)
    first, second = (with_served(plan.signals, few.world.ground.table) for plan in (few.plan, again))
    for stop, back in zip(few.plan.stops, again.stops, strict=True):
        done = few.replayed(stop.policy, replace(few.ground, table=first))
        assert_same(done, few.replayed(back.policy, replace(few.ground, table=second)))


def through_json(fitted: Fitted) -> Plan:
    facts: dict[str, Any] = {
        "recipe_settings": asdict(cast(Any, fitted.recipe)),
        "target": "",
        "routing_text_version": "",
    }
    text = CascadeSettings.of(fitted.plan, recipe=fitted.plan.name, **facts).model_dump_json()
    return CascadeSettings.model_validate_json(text).plan(fitted.plan.name, {})


def test_the_same_seed_gives_the_same_stops(few: Fitted) -> None:
    assert fit_row(few.plan.name, few_of(few.plan.name)).plan.stops == few.plan.stops


def test_the_order_of_prompts_does_not_matter(few: Fitted) -> None:
    """But for the rounding of sums."""
    ground = few.world.ground
    order = np.random.default_rng(0).permutation(len(ground.table))
    estimates = None if ground.estimates is None else ground.estimates[order]
    permuted = replace(few.world, ground=replace(ground, table=ground.table.take(order), estimates=estimates))
    again = fit_row(few.plan.name, permuted).plan
    for name in ("quality", "cost_usd"):
        found, expected = ([getattr(stop, name) for stop in plan.stops] for plan in (again, few.plan))
        assert found == pytest.approx(expected)
    before, after = (with_served(plan.signals, ground.table) for plan in (few.plan, again))
    for name, values in before.signals.items():
        np.testing.assert_allclose(after.signals[name], values, rtol=1e-5)


FAILURES: dict[str, Callable[[np.random.Generator], bool]] = {
    "none": lambda rng: False,
    "half": lambda rng: rng.random() < 0.5,
    "all": lambda rng: True,
}


@pytest.mark.parametrize("failures", FAILURES)
def test_every_policy_ends_whatever_fails_and_whatever_is_said(few: Fitted, failures: str) -> None:
    """With signals and keys that are there or not; where all fail it abstains, otherwise it answers with an answer."""
    rng = np.random.default_rng(0)
    for stop in few.plan.stops:
        for _ in range(4):
            ending, state = played(stop.policy, few.ground, rng, FAILURES[failures])
            if state.answers:
                assert isinstance(ending, Answer) and ending.pick in state.answers
            else:
                assert isinstance(ending, Abstain)
            assert {one.model for one in state.candidates} <= set(stop.policy.models)


def played(
    policy: Deferral, ground: Ground, rng: np.random.Generator, fails: Callable[[np.random.Generator], bool]
) -> tuple[Action, State]:
    """How a policy ends on made-up answers, and what it had seen by then."""
    models = len(ground.table.models)
    state = State((), rng.choice([0.2, 0.7, np.nan], models), ground.cost_usd, float(rng.random()))
    for _ in range(MOST_WAVES):
        action = policy.decide(state)
        assert action == policy.decide(state)
        if not isinstance(action, Call):
            return action, state
        state = state.after([said(ground.table, model, state, rng, fails(rng)) for model in action.models])
    raise AssertionError(f"{policy} does not end")


def said(table: ReplayTable, model: int, state: State, rng: np.random.Generator, failed: bool) -> Candidate:
    signals = {name: float(rng.choice([-1.0, 0.5, 1.0, np.nan])) for name in table.signals if rng.random() < 0.8}
    key = None if rng.random() < 0.3 else int(rng.integers(3))
    return Candidate(model, state.calls_of(model), key, {} if failed else signals, 1.0, failed=failed)


@rows
def test_what_is_learnt_of_a_prompt_does_not_know_its_quality(row: str) -> None:
    """If one prompt's qualities change, its own signals do not; if those of all others change, they do."""
    ground, recipe = few_of(row).ground, recipe_of_row(row)
    learnt = recipe.learn(ground)
    new = set(learnt.table.signals) - set(ground.table.signals)
    assert new <= {signal.name for signal in learnt.signals}
    moved = 0
    for prompt in range(0, FEW, 30):
        alone = np.arange(FEW) == prompt
        for changed in (alone, ~alone):
            quality = np.where(changed[:, None, None], 1 - ground.table.quality, ground.table.quality)
            again = recipe.learn(replace(ground, table=replace(ground.table, quality=quality)))
            pairs = [(learnt.table.signals[name][prompt], again.table.signals[name][prompt]) for name in new]
            same = all(np.array_equal(one, other, equal_nan=True) for one, other in pairs)
            assert same or changed is not alone
            moved += not same
    assert moved or not new


@rows
def test_it_says_where_it_is_from(row: str) -> None:
    recipe = cast(Any, recipe_of_row(row))
    assert recipe.source and recipe.specification in ("code", "paper", "secondary", "memory", "ours")
