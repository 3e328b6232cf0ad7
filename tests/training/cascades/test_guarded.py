"""Policies under a limit on what a prompt may spend."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.unsure_pair import UnsurePair
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.guarded import guarded, refuse_unaffordable
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.executor import replay
from tests.contract.cascade_rows import CASCADE_WORLDS, recipe_of_row
from tests.training.cascades.grounds import ground_of

INF = float("inf")


def alone(model: int) -> ThresholdChain:
    return ThresholdChain((model,), (), "sure")


def ground(cost_usd: tuple[float, ...] = (1.0, 2.0, 5.0)) -> Ground:
    """Each model is right on one prompt more than the one before; none is ever sure."""
    table = ReplayTable.from_arrays(
        ["wren", "jay", "owl"],
        quality=[[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]],
        cost_usd=[cost_usd] * 4,
        signals={"sure": np.zeros((4, 3))},
    )
    return ground_of(table)


def test_without_a_limit_policies_stay_as_they_are() -> None:
    policies: list[Deferral] = [alone(0), SemanticAgreement((0, 1, 2))]
    assert list(guarded(policies, ground(), None)) == policies
    refuse_unaffordable(ground(), None)


@pytest.mark.parametrize(
    ("most_usd", "left"),
    [
        (3.0, [alone(0), alone(1), ThresholdChain((0, 1, 2), (0.5, 0.5), "sure"), SemanticAgreement((0, 1, 2))]),
        (2.9, [alone(0), alone(1), ThresholdChain((0, 1, 2), (0.5, 0.5), "sure")]),  # the wave of two costs 3
        (1.0, [alone(0), ThresholdChain((0, 1, 2), (0.5, 0.5), "sure")]),
    ],
)
def test_what_cannot_begin_falls_away(most_usd: float, left: list[Deferral]) -> None:
    """What is left answers every prompt, and none spends more."""
    chain = ThresholdChain((0, 1, 2), (0.5, 0.5), "sure")
    found = list(guarded([alone(0), alone(1), alone(2), chain, SemanticAgreement((0, 1, 2))], ground(), most_usd))
    assert found == [BudgetGuard(policy, most_usd) for policy in left]
    for policy in found:
        done = replay(policy, ground().table)
        assert done.cost_usd.max() <= most_usd and not done.abstained.any()


def test_a_policy_that_begins_otherwise_with_each_prompt_falls_away_if_one_is_too_dear() -> None:
    """The last prompt's estimates send it to the owl, for 5."""
    estimates = np.array([[0.9, 0.5, 0.1]] * 3 + [[0.1, 0.5, 0.9]])
    pair, foreseen = UnsurePair((0, 1, 2), 0.0, -INF, 0.5, "sure"), replace(ground(), estimates=estimates)
    assert list(guarded([alone(0), pair], foreseen, 4.0)) == [BudgetGuard(alone(0), 4.0)]
    assert list(guarded([pair], foreseen, 5.0)) == [BudgetGuard(pair, 5.0)]


def test_if_all_fall_away_the_way_out_is_named() -> None:
    policies: list[Deferral] = [alone(2), SemanticAgreement((0, 1, 2))]
    with pytest.raises(ValueError, match=r"most_usd 2\.5: all 2 policies of the recipe begin with calls that"):
        list(guarded(policies, ground(), 2.5))


@pytest.mark.parametrize(
    ("most_usd", "message"),
    [
        (-0.5, "most_usd -0.5: what a prompt may spend is 0 USD or more; leave it out"),
        (float("nan"), "most_usd nan: what a prompt may spend is 0 USD or more"),
        (0.9, "most_usd 0.9: no model can be called for that; the cheapest, 'wren', usually costs 1 USD: raise"),
    ],
)
def test_a_limit_that_nothing_keeps_to_is_refused(most_usd: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        refuse_unaffordable(ground(), most_usd)


def test_unknown_costs_are_refused_with_the_way_out() -> None:
    unknown = replace(ground(), cost_usd=np.array([1.0, np.nan, 5.0]))
    with pytest.raises(ValueError, match=r"most_usd 2: unknown costs of jay.*anabranch data reprice LABELS --prices"):
        refuse_unaffordable(unknown, 2.0)


def test_models_that_are_shut_out_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        refuse_unaffordable(ground(), 5.0)
        assert not caplog.text
        refuse_unaffordable(ground(), 1.5)
    assert "most_usd 1.5: jay, owl usually cost more and will not be called" in caplog.text


def test_what_calls_usually_cost_is_what_counts() -> None:
    """Four calls of the owl at 2, 2, 2 and 14 usually cost 5, so it may be called after the wren, and one takes 15."""
    some = ground()
    costs = some.table.cost_usd.copy()
    costs[:, 2, 0] = [2, 2, 2, 14]
    dearer = replace(some, table=replace(some.table, cost_usd=costs))
    (policy,) = guarded([ThresholdChain((0, 2), (0.5,), "sure")], dearer, 6.0)
    assert replay(policy, dearer.table).cost_usd.tolist() == [3, 3, 3, 15]


@pytest.mark.parametrize("row", ["best-of-inf", "cargo", "frugalgpt", "semantic-agreement", "speculative-cascade"])
def test_no_prompt_spends_more_whatever_the_recipe(row: str) -> None:
    """Samples, routes, chains and waves; in worlds where a call costs what it usually does, one call of the dearest."""
    recipe, world = recipe_of_row(row), CASCADE_WORLDS[row](seed=0, prompts=60)
    learnt = recipe.learn(world.ground)
    free = frontier_of(recipe.policies(learnt), learnt)
    usual = np.broadcast_to(learnt.cost_usd, learnt.table.quality.shape[:2])

    def spent(policy: Deferral) -> float:
        done = replay(policy, learnt.table, quality=learnt.estimates, cost_usd=usual, seed=learnt.seed)
        assert not done.abstained.any()
        return float(done.cost_usd.max())

    dearest = max(spent(stop.policy) for stop in free)
    most_usd = float(world.ground.cost_usd.max())
    stops = frontier_of(guarded(recipe.policies(learnt), learnt, most_usd), learnt)
    assert max(spent(stop.policy) for stop in stops) <= most_usd < dearest
