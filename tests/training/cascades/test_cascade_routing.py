from dataclasses import replace

import numpy as np
import pytest

from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.cascade_routing import CascadeRouting
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.cascade_routing_fit import fit_cascade_routing
from tests.training.cascades.voters import random_voters


def foreseen(samples: int = 1) -> Ground:
    ground = random_voters(models=3, samples=samples)
    noise = np.random.default_rng(1).normal(0, 0.3, ground.table.quality.shape[:2])
    return replace(ground, estimates=ground.table.quality.mean(axis=2) + noise)


def test_under_each_budget_it_is_the_fit_of_the_library() -> None:
    recipe = CascadeRouting(budgets=4)
    ground = recipe.learn(foreseen(samples=2))
    found = list(recipe.policies(ground))
    for policy, budget in zip(found, budgets_of(ground, 4).tolist(), strict=True):
        fit = fit_cascade_routing(ground.table, ground.estimates, ("logprob_mean",), budget, max_depth=3)
        assert policy == fit.policy


def test_it_reads_the_token_signals_that_are_there() -> None:
    ground = foreseen()
    assert {policy.belief.signals for policy in CascadeRouting(budgets=2).policies(ground)} == {("logprob_mean",)}
    more = replace(ground, table=ground.table.with_signal("tokens", ground.table.quality + 3))
    assert {one.belief.signals for one in CascadeRouting(budgets=2).policies(more)} == {("logprob_mean", "tokens")}
    named = CascadeRouting(signals=("tokens",), budgets=2)
    assert {one.belief.signals for one in named.policies(named.learn(more))} == {("tokens",)}


def test_what_is_missing_is_named_with_the_way_out() -> None:
    ground = foreseen()
    with pytest.raises(ValueError, match="no signal sure; signals that they have: logprob_mean"):
        CascadeRouting(signals=("sure",)).learn(ground)
    with pytest.raises(ValueError, match="no responses are recorded"):
        CascadeRouting().learn(replace(ground, table=replace(ground.table, signals={})))
    quality = ground.table.quality.copy()
    quality[3, 1] = np.nan
    with pytest.raises(ValueError, match="'m1' has 0 answers to some prompt, and 1 to every prompt are needed"):
        list(CascadeRouting().policies(replace(ground, table=replace(ground.table, quality=quality))))
