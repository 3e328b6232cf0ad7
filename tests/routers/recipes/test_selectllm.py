import numpy as np
import pytest

from anabranch.routers.estimators.multi_label import MultiLabel
from anabranch.routers.policies.policy import Situation
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.recipe import recipe_of
from tests.routers.policies.arrays import estimates_of


@pytest.mark.parametrize(
    ("settings", "members"),
    [({}, [0, 1, 2]), ({"most": 2}, [0, 1]), ({"above": 0.65}, [0, 1]), ({"above": 0.95}, [0])],
    ids=["the three most confident", "two of them", "the likely ones", "the most confident alone"],
)
def test_settings_reach_the_policy(settings: dict[str, float], members: list[int]) -> None:
    recipe = recipe_of("selectllm", settings)
    assert recipe.estimator is MultiLabel
    policy = load_policy(recipe.policy, dict(recipe.policy_settings))
    on = Situation(estimates_of([[0.9, 0.8, 0.6, 0.55]]), np.full((1, 4), np.nan), np.ones(1))
    assert np.flatnonzero(policy.decide(on).members[0]).tolist() == members
