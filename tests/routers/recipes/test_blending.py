from pathlib import Path

import numpy as np
import pytest

from anabranch.routers.estimators.zero import Zero
from anabranch.routers.policies.random_arm import RandomArm
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.recipe import recipe_of
from tests.contract.rows import learn
from tests.contract.worlds import cluster_world


def test_blending_is_the_means_under_a_draw() -> None:
    recipe = recipe_of("blending", {"weights": (2.0, 1.0)})
    assert recipe.estimator is Zero
    assert load_policy(recipe.policy, dict(recipe.policy_settings)) == RandomArm((2.0, 1.0))


def test_drawn_arms_are_worth_their_mean(tmp_path: Path) -> None:
    """2,000 draws among four arms, each right in its own quarter with 0.9 and else with 0.4: 0.525 on average.

    Below the best single arm or equal to it, which headroom counts from; give or take 0.02 of 2,000 choices.
    """
    learnt = learn("blending", cluster_world(seed=0), tmp_path)
    arms = learnt.choices()
    assert learnt.world.worth[learnt.world.rows("test"), arms].mean() == pytest.approx(0.525, abs=0.02)
    assert np.bincount(arms).min() > 400
