from dataclasses import replace

import numpy as np
import pytest

from anabranch.routers.deferral.unsure_pair import UnsurePair
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.cargo import CARGO
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.replay.executor import replay
from tests.training.cascades.specialists import noisy, specialists

RECIPE = CARGO(signal="logprob_mean")


def test_a_clear_best_is_called_at_once_and_of_a_close_pair_the_cheaper_one_first() -> None:
    """The small model that suits costs 1 or 2, and 8 more on half; where none does the large one is clear.

    All right, for (1 + 4 + 2 + 4 + 8) / 3.
    """
    ground = RECIPE.learn(specialists())
    best = frontier_of(RECIPE.policies(ground), ground)[-1]
    assert (best.quality, best.cost_usd) == pytest.approx((1.0, 19 / 3))
    assert isinstance(best.policy, UnsurePair) and best.policy.models == (2, 1, 0)
    assert np.isfinite(best.policy.delta) and best.policy.threshold > 0


def test_a_budget_below_the_cascades_is_spent_by_the_router() -> None:
    """At prices from 0.3 / 6 to 0.8 / 7 a small model that suits is worth more than the large one, and no other is.

    They answer alone, for 1, 2 and 8, and are right on 1/2, 1/2 and 1.
    """
    ground = RECIPE.learn(specialists())
    stops = frontier_of(RECIPE.policies(ground), ground)
    assert any((stop.quality, stop.cost_usd) == pytest.approx((2 / 3, 11 / 3)) for stop in stops)


def test_policies_keep_to_budgets_and_beat_all_pairs_at_a_price_of_nothing() -> None:
    """None of the pairs by estimates alone, whatever their band and threshold, is better under a budget."""
    recipe = CARGO(signal="sure", form="platt", budgets=4)
    ground = recipe.learn(noisy())
    usual = np.broadcast_to(ground.cost_usd, (20, 3))

    def means(policy: UnsurePair) -> tuple[float, float]:
        done = replay(policy, ground.table, quality=ground.estimates, cost_usd=usual, seed=ground.seed)
        return float(done.quality.mean()), float(done.cost_usd.mean())

    found = [means(one) for one in recipe.policies(ground) if isinstance(one, UnsurePair)]
    chance = ground.table.signals["chance"]
    levels = [-np.inf, *np.unique(chance[~np.isnan(chance)]).astype(np.float64).tolist()[::4], np.inf]
    tried = [means(UnsurePair((1, 2, 0), 0.0, delta, one, "chance")) for delta in (-np.inf, np.inf) for one in levels]
    budgets = budgets_of(ground, 4).tolist()
    assert max(cost for _, cost in found) <= budgets[-1] * (1 + 1e-9)
    for budget in budgets:
        reachable = [quality for quality, cost in tried if cost <= budget]
        if reachable:
            assert max(quality for quality, cost in found if cost <= budget * (1 + 1e-9)) >= max(reachable) - 1e-9


def test_models_that_cost_the_same_have_no_price() -> None:
    """All for 1: nothing is bought."""
    ground = specialists(300)
    flat = replace(ground, table=replace(ground.table, cost_usd=np.ones((300, 3, 1))), cost_usd=np.ones(3))
    found = [one for one in RECIPE.policies(RECIPE.learn(flat)) if isinstance(one, UnsurePair)]
    assert found and {one.lam for one in found} == {0.0}


def test_an_unknown_cost_is_named() -> None:
    ground = RECIPE.learn(specialists(300))
    cost = ground.table.cost_usd.copy()
    cost[3, 1] = np.nan
    with pytest.raises(ValueError, match="unknown costs of second"):
        list(RECIPE.policies(replace(ground, table=replace(ground.table, cost_usd=cost))))
