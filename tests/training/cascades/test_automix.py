import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.automix import AutoMix as Mix
from anabranch.training.cascades.automix import AutoMix
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.replay.automix_fit import fit_automix
from tests.training.cascades.grounds import ground_of
from tests.training.cascades.voters import random_voters


def test_what_is_hopeless_is_not_escalated() -> None:
    """Self-checks say never right on a third of 300 prompts, where the large model is wrong too, sometimes on a third,
    where the large one is right and the small one wrong, and always on a third, where both are right.

    Escalating the middle costs 1 + 9 / 3 = 4, and nothing is better than 2/3.
    """
    kind = np.arange(300) % 3
    table = ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([kind == 2, kind >= 1], axis=1),
        cost_usd=[[1, 9]] * 300,
        signals={"verify": np.stack([kind / 2, np.full(300, np.nan)], axis=1)},
    )
    recipe = AutoMix(signal="verify", bins=2, kappa=0.0)
    ground = recipe.learn(ground_of(table))
    stops = frontier_of(recipe.policies(ground), ground)
    assert stops[-1].policy == Mix((0, 1), (False, True, False))
    assert (stops[-1].quality, stops[-1].cost_usd) == pytest.approx((2 / 3, 4.0))
    assert ground.signals == ()


def test_under_each_budget_the_best_pair() -> None:
    recipe = AutoMix(signal="logprob_mean", budgets=4, depth=3)
    ground = recipe.learn(random_voters())
    pairs = [(0, 2), (0, 3), (2, 3)]
    for policy in recipe.policies(ground):
        if isinstance(policy, Mix):
            assert policy.models in pairs and policy.signal == "chance" and len(policy.escalate) == 9
    best = max((fit_automix(ground.table, pair, signal="chance") for pair in pairs), key=lambda fit: fit.quality)
    assert best.policy in list(recipe.policies(ground))


def test_what_is_missing_is_named_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="no responses are recorded: collect them"):
        AutoMix().learn(random_voters())
    with pytest.raises(ValueError, match="no signal verify; signals that they have: logprob_mean"):
        AutoMix(signal="verify").learn(random_voters())
    with pytest.raises(ValueError, match="unknown family 'best'; known families: double"):
        recipe = AutoMix(signal="logprob_mean", family="best")
        list(recipe.policies(recipe.learn(random_voters())))
