"""The search for a chain, its thresholds and their judgement on other prompts."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.chain_fit import fit_chain, fit_thresholds, least_cost
from anabranch.training.replay.chain_replay import chain_outcomes
from anabranch.training.replay.executor import NotReplayable, replay
from anabranch.training.replay.frugal import _grown, fit_frugal
from anabranch.training.replay.two_stage import Infeasible
from tests.training.replay.chain_tables import random_table


def honest_pair(prompts: int = 40) -> ReplayTable:
    """The small model knows every second prompt, and when it does; the large one knows all; the third is a waste.

    Calls cost 1, 8 and 4.
    """
    knows = np.arange(prompts) % 2
    quality = np.stack([knows, np.ones(prompts), np.zeros(prompts)], axis=1)
    sure = np.stack([0.1 + 0.8 * knows, np.full(prompts, 0.5), np.full(prompts, 0.9)], axis=1)
    return ReplayTable.from_arrays(
        ["small", "large", "waste"], quality, cost_usd=[[1, 8, 4]] * prompts, signals={"sure": sure}
    )


def test_the_small_model_and_then_the_large_one() -> None:
    """Half the prompts cost 1 and half 1 + 8: 5 on average, all right; held out too, as nothing differs by fold."""
    fit = fit_frugal(honest_pair(), "sure", 5.5, folds=np.arange(40) // 2 % 4)
    assert fit.policy == ThresholdChain((0, 1), (fit.policy.thresholds[0],), "sure")
    assert 0.1 < fit.policy.thresholds[0] <= 0.9
    assert (fit.quality, fit.cost_usd) == pytest.approx((1.0, 5.0))
    assert (fit.scores[0].quality, fit.scores[0].cost_usd) == pytest.approx((1.0, 5.0))
    assert fit.scores[0].models == (0, 1)


def test_one_model_is_a_chain_too() -> None:
    """From 8 a prompt on, the large model alone is as good as the chain, but dearer. Under 1.5, the small one is left.

    Where the signal says nothing and the small model is no help, the large model alone is the cheapest of the best.
    """
    assert fit_frugal(honest_pair(), "sure", 1.5).policy.models == (0,)
    assert fit_frugal(honest_pair(), "sure", 9.0).policy.models == (0, 1)
    deaf = honest_pair().with_signal("deaf", np.full((40, 3), 0.5))
    alone = fit_frugal(deaf, "deaf", 8.0)
    assert alone.policy == ThresholdChain((1,), (), "deaf")
    assert (alone.quality, alone.cost_usd) == (1.0, 8.0)


def test_no_budget_is_too_small_without_saying_so() -> None:
    with pytest.raises(Infeasible, match="the cheapest model, 'small', costs 1"):
        fit_frugal(honest_pair(), "sure", 0.9)


def test_models_are_named_by_their_numbers_in_the_table() -> None:
    fit = fit_frugal(honest_pair(), "sure", 20.0, models=[2, 1])
    assert fit.policy.models == (1,)
    assert {score.models for score in fit.scores} == {(1,), (2,), (1, 2), (2, 1)}


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 10**6), extra=st.floats(0, 3), depth=st.integers(1, 3))
def test_it_says_what_it_did_and_never_beats_the_best_chain_there_is(seed: int, extra: float, depth: int) -> None:
    table = random_table(seed, 12, 3, unknown=0.1)
    budget = float(table.cost_usd.mean(axis=(0, 2)).min()) + extra
    fit = fit_frugal(table, "sure", budget, depth=depth, folds=3, seed=seed)
    replayed = replay(fit.policy, table, seed=seed)
    assert (fit.quality, fit.cost_usd) == pytest.approx((replayed.quality.mean(), replayed.cost_usd.mean()), abs=1e-12)
    assert fit.cost_usd <= budget + 1e-9
    chains = [chain for length in range(1, depth + 1) for chain in permutations(range(3), length)]
    affordable = [one for one in chains if least_cost(chain_outcomes(table, one, "sure")) <= budget]
    assert {score.models for score in fit.scores} == set(affordable)
    best = max(fit_thresholds(chain_outcomes(table, one, "sure"), budget).quality for one in affordable)
    assert fit.quality <= best + 1e-12


def test_scores_are_of_prompts_that_chose_nothing() -> None:
    """Two folds; in each, thresholds of the other are replayed by the executor."""
    table = random_table(8, 30, 3)
    folds = np.arange(30) % 2
    fit = fit_frugal(table, "sure", 2.0, folds=folds)
    score = next(score for score in fit.scores if score.models == (0, 2, 1))
    quality, cost = np.empty(30), np.empty(30)
    for fold in (0, 1):
        chain = fit_chain(table.take(folds != fold), score.models, "sure", 2.0)
        held_out = replay(chain.policy, table.take(folds == fold))
        quality[folds == fold], cost[folds == fold] = held_out.quality, held_out.cost_usd
    assert (score.quality, score.cost_usd) == pytest.approx((quality.mean(), cost.mean()))
    assert [one.quality for one in fit.scores] == sorted((one.quality for one in fit.scores), reverse=True)


def test_a_fold_that_costs_more_than_the_budget_is_no_reason_to_give_up() -> None:
    """Costs 1 and 3 by fold; the budget of 2 is the mean. Fitted on the dear fold, the model costs 3, and stays."""
    table = ReplayTable.from_arrays(["a"], [[1.0], [0.0]], cost_usd=[[1.0], [3.0]], signals={"sure": [[0.5], [0.5]]})
    fit = fit_frugal(table, "sure", 2.0, folds=[0, 1])
    assert (fit.quality, fit.cost_usd) == (0.5, 2.0)


def test_among_many_models_the_good_chain_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 8 models, 400 chains of up to three: models 5, 2, 7 each know a third of the prompts, and when they do.

    They cost 1, 2, 4: a third of the prompts each costs 1, 3 and 7, on average 11/3. The others know nothing.
    """
    monkeypatch.setattr("anabranch.training.replay.frugal.FEW_CHAINS", 20)
    quality, cost = np.zeros((60, 8)), np.full((60, 8), 3.0)
    for third, (model, price) in enumerate([(5, 1.0), (2, 2.0), (7, 4.0)]):
        quality[third::3, model], cost[:, model] = 1.0, price
    table = ReplayTable.from_arrays([f"m{m}" for m in range(8)], quality, cost_usd=cost, signals={"sure": quality})
    fit = fit_frugal(table, "sure", 11 / 3, folds=np.arange(60) // 3 % 5)
    assert fit.policy.models == (5, 2, 7)
    assert (fit.quality, fit.cost_usd) == pytest.approx((1.0, 11 / 3))
    assert {len(score.models) for score in fit.scores} == {1, 2, 3}


def test_growing_puts_each_model_into_each_place() -> None:
    assert list(_grown([(0,), (1,)], 3)) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]


def test_same_seed_same_chain() -> None:
    table = random_table(2, 25, 3)
    assert fit_frugal(table, "sure", 2.0, seed=1) == fit_frugal(table, "sure", 2.0, seed=1)


def test_what_it_cannot_use_is_refused() -> None:
    table = honest_pair()
    with pytest.raises(ValueError, match="one fold"):
        fit_frugal(table, "sure", 5.0, folds=1)
    with pytest.raises(ValueError, match="each of 40 prompts"):
        fit_frugal(table, "sure", 5.0, folds=[0, 1])
    quality = table.quality.copy()
    quality[3, 1] = np.nan
    holes = ReplayTable.from_arrays(table.models, quality, cost_usd=table.cost_usd, signals=table.signals)
    with pytest.raises(NotReplayable, match="prompt 3"):
        fit_frugal(holes, "sure", 5.0)
