from dataclasses import replace

import numpy as np
import pytest

from anabranch.routers.deferral.behind_best import behind_best
from anabranch.routers.deferral.suitable_chain import SuitableChain
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.emafusion import EMAFusion
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.replay.executor import replay
from tests.training.cascades.specialists import noisy, specialists

RECIPE = EMAFusion(signal="logprob_mean")


def test_those_that_suit_are_tried_and_nobody_else() -> None:
    """The first small model costs 1, and 8 more on half; the second 2, and 8 more on half; a third goes straight on.

    All right, for (1 + 4 + 2 + 4 + 8) / 3. The bound lies between 0.9 - 0.6 and 0.9 - 0.1 behind the best.
    """
    ground = RECIPE.learn(specialists())
    best = frontier_of(RECIPE.policies(ground), ground)[-1]
    assert (best.quality, best.cost_usd) == pytest.approx((1.0, 19 / 3))
    assert isinstance(best.policy, SuitableChain) and best.policy.models == (2, 1, 0)
    assert -0.8 < best.policy.tau <= 0.6 - 0.9 and best.policy.threshold > 0


def test_without_estimates_all_suit() -> None:
    """A chain of all costs 1 + 10 / 2, 1 + 2 + 8 / 2 and 11, as much as the large model alone on average."""
    ground = replace(RECIPE.learn(specialists()), estimates=None)
    best = frontier_of(RECIPE.policies(ground), ground)[-1]
    assert (best.quality, best.cost_usd) == pytest.approx((1.0, 8.0))


def test_at_least_two_are_tried_if_asked_for() -> None:
    """Where none of the small ones suits the cheaper one is tried in vain: 1 more on a third."""
    recipe = replace(RECIPE, at_least=2)
    ground = recipe.learn(specialists())
    best = frontier_of(recipe.policies(ground), ground)[-1]
    assert (best.quality, best.cost_usd) == pytest.approx((1.0, 20 / 3))


def test_under_each_budget_none_of_all_settings_is_better() -> None:
    """By `replay` of every tau and threshold at which anything changes, on prompts few enough to try all of them."""
    recipe = EMAFusion(signal="sure", form="platt", budgets=4)
    ground = recipe.learn(noisy(prompts=7))
    usual = np.broadcast_to(ground.cost_usd, (7, 3))

    def means(policy: SuitableChain) -> tuple[float, float]:
        done = replay(policy, ground.table, quality=ground.estimates, cost_usd=usual, seed=ground.seed)
        return float(done.quality.mean()), float(done.cost_usd.mean())

    assert ground.estimates is not None
    taus = np.unique(behind_best(ground.estimates)).tolist()
    chance = ground.table.signals["chance"]
    thresholds = [-np.inf, *np.unique(chance[~np.isnan(chance)]).astype(np.float64).tolist(), np.inf]
    every = [means(SuitableChain((1, 2, 0), tau, level, "chance")) for tau in taus for level in thresholds]
    chains = [one for one in recipe.policies(ground) if isinstance(one, SuitableChain)]
    found = [means(one) for one in chains]
    for budget in budgets_of(ground, 4).tolist():
        reachable = [quality for quality, cost in every if cost <= budget]
        if reachable:
            assert max(quality for quality, cost in found if cost <= budget * (1 + 1e-9)) == max(reachable)


def test_an_answer_that_is_missing_is_named() -> None:
    ground = RECIPE.learn(specialists())
    quality = ground.table.quality.copy()
    quality[3, 1] = np.nan
    with pytest.raises(ValueError, match="'second' has 0 answers to some prompt, and 1 to every prompt are needed"):
        list(RECIPE.policies(replace(ground, table=replace(ground.table, quality=quality))))
