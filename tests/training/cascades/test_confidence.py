import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.confidence import Confidence
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.replay.escalation import escalation
from tests.training.cascades.grounds import ground_of, random_ground


def test_the_small_model_is_kept_where_it_is_likely_right() -> None:
    """Of 400 prompts the small model is right on the half where it is sure, the large one always; calls cost 1 and 4.

    Going on with the other half costs 1 + 4 / 2 = 3, less than the large model alone, and loses nothing.
    """
    sure = np.arange(400) % 2
    table = ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([sure, np.ones(400)], axis=1),
        cost_usd=[[1, 4]] * 400,
        signals={"logprob_mean": np.stack([sure - 1.0, np.zeros(400)], axis=1)},
    )
    recipe = Confidence()
    ground = recipe.learn(ground_of(table))
    stops = frontier_of(recipe.policies(ground), ground)
    assert [(stop.policy.models, stop.quality, stop.cost_usd) for stop in stops] == [
        ((0,), 0.5, 1.0),
        ((0, 1), 1.0, 3.0),
    ]


def test_every_policy_is_the_best_pair_or_model_within_a_budget() -> None:
    """Chains keep to budgets; none of all pairs at all thresholds is better at a policy's cost."""
    recipe = Confidence(signal="logprob_mean", form="platt", budgets=6)
    ground = recipe.learn(random_ground())
    every = escalation(ground.table, "chance")
    stops = frontier_of(recipe.policies(ground), ground)
    assert 3 <= len(stops) <= 12 and {len(stop.policy.models) for stop in stops} == {1, 2}
    for stop in stops:
        reachable = np.fmax(every.envelope(stop.cost_usd * (1 + 1e-9)), every.singles(stop.cost_usd * (1 + 1e-9)))
        assert stop.quality == pytest.approx(reachable)


def test_several_samples_and_unknown_confidences_are_no_hindrance() -> None:
    ground = random_ground(samples=2)
    signal = ground.table.signals["logprob_mean"].copy()
    signal[::3] = np.nan
    recipe = Confidence(budgets=4)
    ground = recipe.learn(ground_of(ground.table.with_signal("logprob_mean", signal)))
    assert frontier_of(recipe.policies(ground), ground)[-1].quality > 0.5
