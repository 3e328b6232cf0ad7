"""The worlds are what they say."""

import numpy as np
import pytest

from anabranch.data.preferences import Preferences
from tests.contract.rows import WORLDS
from tests.contract.worlds import (
    SIZES,
    Make,
    cluster_world,
    cost_world,
    linear_world,
    matched_world,
    no_signal_world,
    preference_world,
)

MAKERS = (linear_world, cost_world, cluster_world, matched_world, preference_world, no_signal_world)
makers = pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)


@makers
def test_a_world_is_its_seed(make: Make) -> None:
    one, same, other = make(seed=3), make(seed=3), make(seed=4)
    assert np.array_equal(one.embedding, same.embedding) and np.array_equal(one.worth, same.worth)
    np.testing.assert_array_equal(one.table.quality, same.table.quality)
    assert not np.array_equal(one.embedding, other.embedding)


@makers
def test_splits_have_their_sizes(make: Make) -> None:
    world = make(seed=0)
    assert {split: len(world.rows(split)) for split in SIZES} == SIZES
    assert world.embedding.dtype == np.float32 and len(world.embedding) == sum(SIZES.values())


@makers
def test_what_is_recorded_has_the_expected_worth(make: Make) -> None:
    """Each arm's recorded mean over 2,000 test prompts lies within five standard errors, 5 * 0.5 / sqrt(2000)."""
    world = make(seed=0)
    rows = world.rows("test")
    for arm in range(len(world.table.arms)):
        recorded = world.recorded_worth(rows, np.full(len(rows), arm))
        assert recorded == pytest.approx(world.worth[rows, arm].mean(), abs=0.056)


@pytest.mark.parametrize("row", WORLDS)
def test_there_is_headroom_to_recover(row: str) -> None:
    """0 for the best single arm, 1 for the Bayes policy, and between them more than noise."""
    world = WORLDS[row](seed=0)
    worth = world.worth[world.rows("test")]
    best_single = int(worth.mean(axis=0).argmax())
    assert world.bayes - world.best_single > 0.1
    assert world.headroom_recovered(np.full(len(worth), best_single)) == pytest.approx(0.0)
    assert world.headroom_recovered(worth.argmax(axis=1)) == pytest.approx(1.0)


def test_clusters_have_values_by_hand() -> None:
    """The right arm of four everywhere: 0.9. One arm: 0.9 on a quarter of the prompts, 0.4 elsewhere, so 0.525."""
    world = cluster_world(seed=0)
    assert world.bayes == pytest.approx(0.9)
    assert world.best_single == pytest.approx(0.525, abs=0.02)


def test_matched_arms_have_values_by_hand() -> None:
    """Worth is (q - c / 4 mUSD) / 2.

    The last arm is worth (0.95 - 1) / 2 = -0.025, a matching cheap arm (0.95 - 0.25) / 2 = 0.35, and three prompts in
    four have one: 0.75 * 0.35 - 0.25 * 0.025 = 0.25625. A cheap arm on every prompt: 0.25 * 0.35 - 0.75 * 0.025.
    """
    world = matched_world(seed=0)
    assert world.bayes == pytest.approx(0.25625, abs=0.02)
    assert world.best_single == pytest.approx(0.06875, abs=0.02)


def test_costs_vary_with_the_embedding_and_are_scaled_by_the_priciest_arm() -> None:
    world = cost_world(seed=0)
    cost_usd = world.table.cost_usd
    assert cost_usd.mean(axis=0).max() == pytest.approx(world.scale_usd, rel=0.01)
    assert (cost_usd.std(axis=0) / cost_usd.mean(axis=0) > 0.2).all()


@pytest.mark.parametrize("make", [linear_world, cluster_world, preference_world, no_signal_world])
def test_these_worlds_know_no_costs(make: Make) -> None:
    assert make(seed=0).table.usage_kind == "unknown"


def test_votes_favour_the_arm_that_is_worth_more() -> None:
    """Votes won by the arm of higher worth: more than half by far, fewer than all, as strengths are only odds."""
    world = preference_world(seed=0)
    votes = world.votes
    assert isinstance(votes, Preferences) and len(votes) == 4 * len(world.table)
    b_is_better = world.worth[votes.prompt, votes.arm_b] > world.worth[votes.prompt, votes.arm_a]
    share = float((votes.p_b.astype(bool) == b_is_better).mean())
    assert 0.7 < share < 0.95


def test_worth_of_votes_is_the_chance_to_beat_another() -> None:
    """Chances of a pair add up to 1, so the mean over arms is one half."""
    np.testing.assert_allclose(preference_world(seed=0).worth.mean(axis=1), 0.5)


def test_without_signal_there_is_nothing_to_recover() -> None:
    """Whatever the means, the best arm is the same on every prompt."""
    equal, unequal = no_signal_world(seed=0), no_signal_world(seed=0, means=(0.3, 0.5, 0.7))
    assert (equal.bayes, equal.best_single) == pytest.approx((0.5, 0.5))
    assert (unequal.bayes, unequal.best_single) == pytest.approx((0.7, 0.7))
    quality, embedding = unequal.table.quality, unequal.embedding
    correlation = np.corrcoef(embedding.T, quality.T)[: embedding.shape[1], embedding.shape[1] :]
    # 48 correlations of 4,400 prompts, each with a standard error of 1 / sqrt(4400)
    assert np.abs(correlation).max() < 4 / np.sqrt(4400)
