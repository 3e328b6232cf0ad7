"""The exact curve of a two-stage chain, against replaying every threshold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.metrics.hull import Frontier
from anabranch.training.replay.chain_replay import ChainOutcomes, chain_outcomes, sweep
from anabranch.training.replay.executor import NotReplayable, replay
from anabranch.training.replay.two_stage import Infeasible, breakpoints, time_share, two_stage_curve
from tests.training.replay.chain_tables import random_table

SEEDS = st.integers(0, 10**6)


def four_prompts() -> ChainOutcomes:
    """Calls cost 1 and 4; by confidence the first model is wrong, right, right, right and the second always right."""
    quality = [[1, 1], [0, 1], [1, 1], [1, 0]]
    return ChainOutcomes.of_calls([[0.5], [0.1], [0.5], [0.9]], quality, [[1, 4]] * 4)


def test_curve_by_hand() -> None:
    """Thresholds: keep all; keep from .5 (one deferred, and right now); from .9 (three deferred); keep none.

    The two of confidence .5 move together. The last prompt is spoilt by the second model.
    Costs 1, 1 + 4/4, 1 + 12/4, 1 + 16/4.
    """
    curve = two_stage_curve(four_prompts())
    assert curve.threshold.tolist() == [-np.inf, 0.5, 0.9, np.inf]
    assert curve.deferred.tolist() == [0, 0.25, 0.75, 1]
    assert curve.quality.tolist() == [0.75, 1.0, 1.0, 0.75]
    assert curve.cost_usd.tolist() == [1.0, 2.0, 4.0, 5.0]


def test_choices_by_hand() -> None:
    """At 1.5 only the first setting fits, but half the prompts of the second one can be afforded: (.75 + 1) / 2.

    Under budget 4 the cheaper of the two perfect settings is taken. Quality .8 needs it too.
    """
    curve = two_stage_curve(four_prompts())
    assert [curve.within(budget) for budget in (1.0, 1.5, 2.0, 4.0)] == [0, 0, 1, 1]
    assert [curve.reaching(floor) for floor in (0.5, 0.8, 1.0)] == [0, 1, 1]
    assert curve.hull().cost.tolist() == [1.0, 2.0]
    assert curve.shared(1.5) == (0, 1, 0.5, 0.875, 1.5)
    assert curve.shared(9.0) == (1, 1, 0.0, 1.0, 2.0)
    with pytest.raises(Infeasible, match="the least that this chain costs is 1"):
        curve.within(0.99)
    with pytest.raises(Infeasible, match="costs 1"):
        curve.shared(0.99)
    with pytest.raises(Infeasible, match="the most that this chain reaches is 1"):
        curve.reaching(1.01)


def test_area_by_hand() -> None:
    """From .75 at cost 1 to 1 at cost 2, flat to cost 5: (.875 + 3) / 4."""
    assert two_stage_curve(four_prompts()).area() == pytest.approx(0.96875)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_every_setting_is_what_the_executor_says_and_none_is_missing(seed: int) -> None:
    """Thresholds between, at and beyond the confidences (quarters) give no point that the curve does not have."""
    table = random_table(seed, 7, 2)
    curve = two_stage_curve(chain_outcomes(table, (0, 1), "sure"))
    for threshold, quality, cost in zip(curve.threshold, curve.quality, curve.cost_usd, strict=True):
        replayed = replay(ThresholdChain((0, 1), (float(threshold),), "sure"), table)
        assert (quality, cost) == (replayed.quality.mean(), replayed.cost_usd.mean())
    points = set(zip(curve.quality.tolist(), curve.cost_usd.tolist(), strict=True))
    grid = np.r_[-np.inf, np.arange(-1, 10) / 8, np.inf][:, None]
    tried = sweep(chain_outcomes(table, (0, 1), "sure"), grid)
    assert set(zip(tried.quality.tolist(), tried.cost_usd.tolist(), strict=True)) == points


def test_extremes() -> None:
    """The first model by itself, and the second at the price of both."""
    outcomes = ChainOutcomes.of_calls([[0.3], [0.6]], [[0.25, 0.5], [0.75, 1.0]], [[1, 8], [3, 8]])
    curve = two_stage_curve(outcomes)
    assert (curve.quality[0], curve.cost_usd[0]) == (0.5, 2.0)
    assert (curve.quality[-1], curve.cost_usd[-1]) == (0.75, 10.0)


def test_unknown_confidence_is_deferred_at_every_threshold() -> None:
    curve = two_stage_curve(ChainOutcomes.of_calls([[np.nan], [0.5]], [[0, 1], [1, 0]], [[1, 4]] * 2))
    assert curve.deferred.tolist() == [0.5, 1.0]
    assert curve.quality.tolist() == [1.0, 0.5]
    unknown = two_stage_curve(ChainOutcomes.of_calls([[np.nan]] * 2, [[0, 1], [1, 0]], [[1, 4]] * 2))
    assert unknown.deferred.tolist() == [1.0]
    assert unknown.cost_usd.tolist() == [5.0]


def test_infinite_confidences() -> None:
    """-inf reaches -inf; nothing is above +inf, so that prompt is never deferred."""
    points = breakpoints(np.array([np.inf, -np.inf, 0.0]))
    assert points.threshold.tolist() == [-np.inf, 0.0, np.inf]
    assert points.deferred.tolist() == [0, 1, 2]
    assert breakpoints(np.array([np.inf])).threshold.tolist() == [-np.inf]


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS, extra=st.floats(0, 3))
def test_mixing_keeps_to_the_budget_and_beats_every_setting_within_it(seed: int, extra: float) -> None:
    curve = two_stage_curve(chain_outcomes(random_table(seed, 9, 2), (0, 1), "sure"))
    budget = float(curve.cost_usd.min()) + extra
    mixed = curve.shared(budget)
    assert 0 <= mixed.share <= 1
    assert mixed.cost_usd <= budget + 1e-9
    assert mixed.quality >= curve.quality[curve.within(budget)] - 1e-9
    assert curve.cost_usd[curve.within(budget)] <= budget + 1e-9


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_rising_rescaling_of_the_confidence_changes_thresholds_only(seed: int) -> None:
    outcomes = chain_outcomes(random_table(seed, 9, 2), (0, 1), "sure")
    plain = two_stage_curve(outcomes)
    scaled = two_stage_curve(ChainOutcomes(np.exp(outcomes.confidence), outcomes.quality, outcomes.spent_usd))
    np.testing.assert_array_equal(plain.quality, scaled.quality)
    np.testing.assert_array_equal(plain.cost_usd, scaled.cost_usd)
    np.testing.assert_array_equal(np.exp(plain.threshold[1:]), scaled.threshold[1:])


def test_time_share_at_the_ends() -> None:
    frontier = Frontier(np.array([1.0, 3.0]), np.array([0.2, 0.6]))
    assert time_share(frontier, 1.0) == (0, 0.0)
    assert time_share(frontier, 3.0) == (1, 0.0)
    assert time_share(frontier, 1.0 - 1e-11) == (0, 0.0)


def test_what_cannot_be_fitted_is_refused() -> None:
    with pytest.raises(ValueError, match="3 stages"):
        two_stage_curve(ChainOutcomes.of_calls([[0.5, 0.5]], [[0, 0, 0]], [[1, 1, 1]]))
    with pytest.raises(NotReplayable, match="no answer of stage 2 is recorded on prompt 0"):
        two_stage_curve(ChainOutcomes.of_calls([[0.5]], [[0, np.nan]], [[1, 1]]))
    with pytest.raises(ValueError, match="no cost of stage 1"):
        two_stage_curve(ChainOutcomes.of_calls([[0.5]], [[0, 0]], [[np.nan, 1]]))
