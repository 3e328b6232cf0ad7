from pathlib import Path

import numpy as np
import pytest

from anabranch.routers.estimators.knn import KNN
from anabranch.routers.policies.dual_price import DualPrice
from anabranch.routers.policies.policy import Situation
from anabranch.routers.recipe import recipe_of
from tests.contract.rows import learn
from tests.contract.worlds import matched_world


def test_omni_router_is_the_nearest_prompts_under_a_dual_price() -> None:
    recipe = recipe_of("omni-router", {"k": 5})
    assert (recipe.estimator, recipe.settings, recipe.policy) == (KNN, {"k": 5}, "dual-price")


def test_a_small_budget_goes_to_the_prompts_it_helps_most(tmp_path: Path) -> None:
    """The last arm costs 3 mUSD more than the others and is needed by the prompts of its own cluster, one in four.

    These gain about 0.75 by it, the others noise. Giving every prompt its best arm costs between 0.75 mUSD a prompt,
    if noise buys nothing, and 3, if it always does; a fifth of that serves 20 to 80 % of those in need, and no other.
    """
    learnt = learn("omni-router", matched_world(seed=0), tmp_path)
    rows = learnt.world.rows("test")
    estimates = learnt.estimates(rows)
    cost_usd = estimates.usage.astype(np.float64)
    policy = DualPrice().fitted(estimates, cost_usd)
    dear = policy.decide(Situation(estimates, cost_usd, np.full(len(rows), 0.2))).arm == 3
    needs = learnt.world.worth[rows, :3].max(axis=1) < 0
    assert needs.mean() == pytest.approx(0.25, abs=0.05)
    assert 0.2 < dear[needs].mean() < 0.8 and not dear[~needs].any()
