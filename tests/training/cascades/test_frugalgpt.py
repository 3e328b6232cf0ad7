import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.frugalgpt import FrugalGPT
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.frugal import fit_frugal
from anabranch.training.replay.post_hoc import folds_of
from tests.training.cascades.grounds import ground_of, random_ground


def test_it_finds_which_models_to_chain() -> None:
    """Two specialists know when they are right, on half of 400 prompts each, and cost 1; a generalist is always right
    for 10, an idler never for 1. One specialist after the other is right on all prompts, for 1 + 1/2.
    """
    own = np.arange(400) % 2
    right = np.stack([np.zeros(400), own, 1 - own, np.ones(400)], axis=1)
    table = ReplayTable.from_arrays(
        ["idler", "odd", "even", "all"], right, cost_usd=[[1, 1, 1, 10]] * 400, signals={"sure": right}
    )
    recipe = FrugalGPT(signal="sure", budgets=5)
    ground = recipe.learn(ground_of(table))
    best = frontier_of(recipe.policies(ground), ground)[-1]
    assert (set(best.policy.models), best.quality, best.cost_usd) == ({1, 2}, 1.0, 1.5)


def test_under_each_budget_it_is_the_search_of_the_paper() -> None:
    recipe = FrugalGPT(signal="logprob_mean", depth=2, budgets=3)
    ground = recipe.learn(random_ground(prompts=150))
    folds = folds_of(ground.table.texts, 5)
    found = [
        fit_frugal(ground.table, "chance", budget, depth=2, folds=folds).policy for budget in budgets_of(ground, 3)
    ]
    assert list(recipe.policies(ground)) == found and max(len(policy.models) for policy in found) == 2


def test_where_nothing_is_sure_single_models_are_left() -> None:
    """Any longer chain would always go on, and so be its last model for more. Several samples differ in what they cost,
    and the least budget still pays for the cheapest model.
    """
    recipe = FrugalGPT(signal="logprob_mean", depth=2, budgets=3)
    table = recipe.learn(random_ground(prompts=100, samples=2)).table
    unknown = replace(
        table,
        cost_usd=table.cost_usd * np.array([1.0, 1.5]),
        signals={"chance": np.full(table.quality.shape, np.nan)},
    )
    found = list(recipe.policies(ground_of(unknown)))
    assert [len(policy.models) for policy in found] == [1, 1, 1] and found[0].models == (0,)


def test_a_scorer_needs_responses() -> None:
    with pytest.raises(ValueError, match=r"no responses are recorded: collect them.*--signal logprob_mean"):
        FrugalGPT().learn(random_ground())


def test_scores_of_answers_are_calibrated_like_any_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scorer that gives away the log-probability says what the log-probability does."""

    def scored(ground: Ground, *, encoder: str, seed: int) -> Ground:
        assert (encoder, seed) == ("hashing", 0)
        return replace(ground, table=ground.table.with_signal("scorer", ground.table.signals["logprob_mean"]))

    fit = SimpleNamespace(scored=scored)
    monkeypatch.setitem(sys.modules, "anabranch.training.scorers.answer_scorer_fit", fit)
    ground = random_ground(prompts=100)
    answered = replace(ground.table, responses=np.full(ground.table.quality.shape, "owl", np.object_))
    read = FrugalGPT().learn(replace(ground, table=answered, encoder="hashing"))
    plain = FrugalGPT(signal="logprob_mean").learn(ground)
    np.testing.assert_array_equal(read.table.signals["chance"], plain.table.signals["chance"])
    assert [(signal.name, signal.reads) for signal in read.signals] == [("chance", "scorer")]  # type: ignore[attr-defined]
