from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.scorers.answer_scorer import AnswerScorer
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.frugalgpt import FrugalGPT
from anabranch.training.replay.frugal import fit_frugal
from anabranch.training.replay.post_hoc import folds_of
from tests.training.cascades.grounds import ground_of, random_ground
from tests.training.scorers.answered_worlds import ground_of as ground_with_texts
from tests.training.scorers.answered_worlds import table_of


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


def test_a_scorer_is_learnt_and_calibrated(tmp_path: Path) -> None:
    """The words of right and wrong answers are others, so nearly all right ones have the higher chance, model by model;
    serving works out the score first, then the chance of it, with the encoder of the training."""
    ground = ground_with_texts(table_of(60), tmp_path)
    learnt = FrugalGPT().learn(ground)
    chance = learnt.table.signals["chance"]
    for model in range(2):
        right = ground.table.quality[:, model] == 1
        assert np.median(chance[:, model][right]) > 0.8 > 0.2 > np.median(chance[:, model][~right])
    scorer, calibrated = learnt.signals
    assert isinstance(scorer, Scorer) and isinstance(scorer.score, AnswerScorer)
    assert (scorer.score.settings.encoder, scorer.score.settings.encoder_options) == ("hashing", {"width": 64})
    assert isinstance(calibrated, Chance) and (calibrated.name, calibrated.reads) == ("chance", "scorer")
