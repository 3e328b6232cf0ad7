"""Threshold chains replayed at once: what the executor says one prompt after another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.chain_replay import ChainOutcomes, chain_outcomes, stages, sweep
from anabranch.training.replay.executor import NotReplayable, replay
from tests.training.replay.chain_tables import random_table

LEVELS = (-np.inf, 0.0, 0.25, 0.5, 0.75, 1.0, np.inf)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    length=st.integers(1, 4),
    samples=st.integers(1, 3),
    levels=st.lists(st.lists(st.sampled_from(LEVELS), min_size=3, max_size=3), min_size=1, max_size=3),
)
def test_it_agrees_with_the_executor_exactly(seed: int, length: int, samples: int, levels: list[list[float]]) -> None:
    """Which model answers, how good, at what cost; the means are of the same numbers, in exact sixteenths."""
    table = random_table(seed, 6, 4, samples)
    models = tuple(int(model) for model in np.random.default_rng(seed).permutation(4)[:length])
    outcomes = chain_outcomes(table, models, "sure", seed=3)
    thresholds = np.array(levels)[:, : length - 1]
    stage, means = stages(outcomes, thresholds), sweep(outcomes, thresholds)
    for setting, values in enumerate(thresholds):
        replayed = replay(ThresholdChain(models, tuple(values), "sure"), table, seed=3)
        np.testing.assert_array_equal(np.array(models)[stage[:, setting]], replayed.model)
        rows = np.arange(len(table))
        np.testing.assert_array_equal(outcomes.quality[rows, stage[:, setting]], replayed.quality)
        np.testing.assert_array_equal(outcomes.spent_usd[rows, stage[:, setting]], replayed.cost_usd)
        assert means.quality[setting] == replayed.quality.mean()
        assert means.cost_usd[setting] == replayed.cost_usd.mean()


def test_a_model_twice_is_two_samples_of_it() -> None:
    table = random_table(5, 8, 2, samples=3, unknown=0.0)
    chain = ThresholdChain((1, 1, 0), (0.75, 0.5), "sure")
    outcomes = chain_outcomes(table, chain.models, "sure")
    replayed = replay(chain, table)
    stage = stages(outcomes, [chain.thresholds])[:, 0]
    assert set(stage) == {0, 1, 2}
    np.testing.assert_array_equal(outcomes.quality[np.arange(8), stage], replayed.quality)
    np.testing.assert_array_equal(outcomes.spent_usd[np.arange(8), stage], replayed.cost_usd)


def test_by_hand() -> None:
    """Costs 1, 2, 4. Confidences (.9, -), (.4, .8), (.4, .3), (unknown, .8).

    At (.5, .5) the prompts stop at stages 0, 1, 2, 1: cost (1 + 3 + 7 + 3) / 4 = 3.5, quality (1 + 0 + 1 + 0) / 4.
    """
    confidence = [[0.9, np.nan], [0.4, 0.8], [0.4, 0.3], [np.nan, 0.8]]
    outcomes = ChainOutcomes.of_calls(confidence, [[1, 0, 0], [1, 0, 1], [0, 0, 1], [1, 0, 1]], [[1, 2, 4]] * 4)
    assert stages(outcomes, [[0.5, 0.5]])[:, 0].tolist() == [0, 1, 2, 1]
    assert sweep(outcomes, [[0.5, 0.5]]).cost_usd.tolist() == [3.5]
    assert sweep(outcomes, [[0.5, 0.5]]).quality.tolist() == [0.5]


def test_the_extremes_are_the_first_model_and_the_sum_of_the_chain() -> None:
    """Always keeping costs what the first model costs; always going on costs 1 + 2 + 4, not 4."""
    outcomes = ChainOutcomes.of_calls(np.full((3, 2), 0.5), [[0.25, 0.5, 0.75]] * 3, [[1, 2, 4]] * 3)
    means = sweep(outcomes, [[-np.inf, -np.inf], [np.inf, np.inf]])
    assert means.quality.tolist() == [0.25, 0.75]
    assert means.cost_usd.tolist() == [1.0, 7.0]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), place=st.integers(0, 2), low=st.integers(0, 5))
def test_a_higher_threshold_defers_more_and_costs_more(seed: int, place: int, low: int) -> None:
    """And who reaches the stage is none of its business."""
    outcomes = chain_outcomes(random_table(seed, 12, 4), (0, 1, 2, 3), "sure")
    thresholds = np.full((2, 3), 0.5)
    thresholds[:, place] = LEVELS[low : low + 2]
    stage = stages(outcomes, thresholds)
    np.testing.assert_array_equal(*(stage >= place).T)
    deferred = stage > place
    assert not (deferred[:, 0] & ~deferred[:, 1]).any()
    cost = sweep(outcomes, thresholds).cost_usd
    assert cost[0] <= cost[1]


def test_quality_of_what_was_never_called_is_not_read() -> None:
    """The first prompt stops at once, so its later answers may be missing; a lower confidence calls for them."""
    quality, cost = [[1.0, np.nan], [0.0, 1.0]], [[1.0, 2.0], [1.0, 2.0]]
    outcomes = ChainOutcomes.of_calls([[0.9], [0.1]], quality, cost)
    assert sweep(outcomes, [[0.5]]).quality.tolist() == [1.0]
    with pytest.raises(NotReplayable, match="stage 2 is recorded on prompt 0"):
        sweep(outcomes, [[0.95]])


def test_a_missing_answer_that_was_passed_over_is_refused_too() -> None:
    """The executor could not have called the first model either."""
    with pytest.raises(NotReplayable, match="stage 1"):
        sweep(ChainOutcomes.of_calls([[np.nan]], [[np.nan, 1.0]], [[1.0, 2.0]]), [[0.5]])


def test_an_unknown_cost_makes_only_what_is_called_unknown() -> None:
    outcomes = ChainOutcomes.of_calls([[0.5]], [[0.0, 1.0]], [[1.0, np.nan]])
    np.testing.assert_array_equal(sweep(outcomes, [[0.5], [1.0]]).cost_usd, [1.0, np.nan])


def test_parts_of_a_long_sweep_are_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = chain_outcomes(random_table(0, 7, 3), (0, 1, 2), "sure")
    thresholds = np.random.default_rng(0).choice(LEVELS, (23, 2))
    whole = sweep(outcomes, thresholds)
    monkeypatch.setattr("anabranch.training.replay.chain_replay.CELLS_AT_ONCE", 35)
    parts = sweep(outcomes, thresholds)
    np.testing.assert_array_equal(whole, parts)
    assert sweep(outcomes, np.empty((0, 2))).quality.shape == (0,)


def test_wrong_shapes_and_names_are_refused() -> None:
    outcomes = chain_outcomes(random_table(0, 3, 2), (0, 1), "sure")
    with pytest.raises(ValueError, match="settings x 1"):
        sweep(outcomes, [[0.5, 0.5]])
    with pytest.raises(ValueError, match="do not fit"):
        ChainOutcomes.of_calls([[0.5]], [[1.0]], [[1.0]])
    with pytest.raises(ValueError, match="signals of the table: \\['sure'\\]"):
        chain_outcomes(random_table(0, 3, 2), (0, 1), "logprob")
