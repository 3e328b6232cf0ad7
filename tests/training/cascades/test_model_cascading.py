import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.model_cascading import ModelCascading
from tests.training.cascades.grounds import ground_of, random_ground


def test_three_models_each_with_its_own_threshold() -> None:
    """Of 600 prompts a third needs each model; who is right is sure, and who is wrong is not. Calls cost 1, 2 and 8.

    Everyone asks the small model, two thirds the middle one and one third the large one: 1 + 4/3 + 8/3 = 5, all right.
    The small model alone is right on a third, for 1.
    """
    need = np.arange(600) % 3
    right = need[:, None] <= np.arange(3)
    table = ReplayTable.from_arrays(
        ["large", "middle", "small"],
        right[:, ::-1],
        cost_usd=[[8, 2, 1]] * 600,
        signals={"logprob_mean": right[:, ::-1] - 1.0},
    )
    recipe = ModelCascading(budgets=8)
    ground = recipe.learn(ground_of(table))
    stops = frontier_of(recipe.policies(ground), ground)
    assert (stops[0].policy.models[0], round(stops[0].quality, 9), stops[0].cost_usd) == (2, round(1 / 3, 9), 1.0)
    assert (stops[-1].policy.models, stops[-1].quality, round(stops[-1].cost_usd, 9)) == ((2, 1, 0), 1.0, 5.0)


def test_one_chain_for_all_budgets_or_the_best_model_alone() -> None:
    recipe = ModelCascading(depth=3, budgets=6)
    ground = recipe.learn(random_ground(models=5))
    chains = {policy.models for policy in recipe.policies(ground)}
    assert chains <= {(0, 2, 4), (4,)} and (0, 2, 4) in chains
