"""Curves of all pairs, their envelope and hull, and the price of a little more quality at each stage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing
from anabranch.training.replay.chain_fit import fit_thresholds
from anabranch.training.replay.chain_replay import ChainOutcomes
from anabranch.training.replay.escalation import escalation, shadow_prices
from anabranch.training.replay.executor import NotReplayable, replay
from anabranch.training.replay.two_stage import Infeasible
from tests.training.replay.chain_tables import random_table

SEEDS = st.integers(0, 10**6)


def three_models() -> ReplayTable:
    """Four prompts; calls cost 1, 2 and 8. The first model knows prompt 0, the second 0 and 1, the third all.

    The first is surest of 0, then of 1, 2, 3; the second of 0 and 1 alike, then of 2 and 3 alike.
    """
    return ReplayTable.from_arrays(
        ["tiny", "small", "large"],
        [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 1]],
        cost_usd=[[1, 2, 8]] * 4,
        signals={"sure": [[1.0, 1.0, 1.0], [0.75, 1.0, 1.0], [0.5, 0.25, 1.0], [0.25, 0.25, 1.0]]},
    )


def test_pairs_by_hand() -> None:
    """Tiny to small (cost 1 + 2 a deferral, prompts 3, 2, 1, 0 in turn): quality 1/4 until prompt 1 goes, then 1/2.

    Tiny to large: 1 + 2 k at quality 1/4 (1 + k) up to k = 3. Small to large: 2 at 1/2, 2 + 4 = 6 at 1, 10 at 1.
    Break-even shares are ratios of costs: 1/2, 1/8, 2/8.
    """
    found = escalation(three_models(), "sure")
    assert [pair.models for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    tiny_small, tiny_large, small_large = (pair.curve for pair in found.pairs)
    assert tiny_small.cost_usd.tolist() == [1.0, 1.5, 2.0, 2.5, 3.0]
    assert tiny_small.quality.tolist() == [0.25, 0.25, 0.25, 0.5, 0.5]
    assert tiny_large.cost_usd.tolist() == [1.0, 3.0, 5.0, 7.0, 9.0]
    assert tiny_large.quality.tolist() == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert small_large.cost_usd.tolist() == [2.0, 6.0, 10.0]
    assert small_large.quality.tolist() == [0.5, 1.0, 1.0]
    assert [pair.break_even for pair in found.pairs] == pytest.approx([0.5, 0.125, 0.25])


def test_envelope_by_hand() -> None:
    """Tiny at 1, small at 2 (kept by the pair small to large), tiny to large at 5, small to large at 6.

    At 1 both pairs of tiny are alike, and the first is named. At 2.5 and 3 nothing is better than at 2. The hull skips
    5: from (2, 1/2) to (6, 1) is a straight line of 1/8, above 3/4 at 5. It starts at (1, 1/4), slope 1/4.
    """
    found = escalation(three_models(), "sure")
    assert found.envelope.cost_usd.tolist() == [1.0, 2.0, 5.0, 6.0]
    assert found.envelope.quality.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert found.envelope.switches() == ((1.0, (0, 1)), (2.0, (1, 2)), (5.0, (0, 2)), (6.0, (1, 2)))
    np.testing.assert_array_equal(found.envelope([0.5, 1.0, 4.9, 5.0, 50.0]), [np.nan, 0.25, 0.5, 0.75, 1.0])
    assert found.hull.cost.tolist() == [1.0, 2.0, 6.0]
    assert found.hull.quality.tolist() == [0.25, 0.5, 1.0]


def test_gain_by_hand() -> None:
    """Coins between small (2, 1/2) and large (8, 1) reach 1/2 + 4/12 at 6; the pair is right on all: 1/6 more."""
    found = escalation(three_models(), "sure")
    assert found.singles.cost_usd.tolist() == [1.0, 2.0, 8.0]
    assert found.gain([1.5, 6.0, 8.0]) == pytest.approx([0.0, 1 / 6, 0.0])
    assert np.isnan(found.gain(0.5))


def test_policies_by_hand() -> None:
    """At 3 a quarter of the way from small alone to the pair: 1/2 + 1/8."""
    found = escalation(three_models(), "sure")
    alone, pair = ThresholdChain((1,), (), "sure"), ThresholdChain((1, 2), (1.0,), "sure")
    mixed, full = found.fit(3.0), found.fit(100.0)
    assert mixed.policy == TimeSharing(alone, pair, 0.25)
    assert (mixed.quality, mixed.cost_usd) == pytest.approx((0.625, 3.0))
    assert (full.policy, full.quality, full.cost_usd) == (pair, 1.0, 6.0)
    replayed = replay(pair, three_models())
    assert (replayed.quality.mean(), replayed.cost_usd.mean()) == (1.0, 6.0)
    with pytest.raises(Infeasible, match="costs 1"):
        found.fit(0.9)


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, extra=st.floats(0, 4))
def test_hull_above_envelope_above_every_pair(seed: int, extra: float) -> None:
    table = random_table(seed, 8, 4)
    found = escalation(table, "sure")
    for pair in found.pairs:
        assert (found.envelope(pair.curve.cost_usd) >= pair.curve.quality).all()
    points: set[tuple[float, float]] = set()
    for pair in found.pairs:
        points |= set(zip(pair.curve.quality.tolist(), pair.curve.cost_usd.tolist(), strict=True))
    assert set(zip(found.envelope.quality.tolist(), found.envelope.cost_usd.tolist(), strict=True)) <= points
    budgets = found.envelope.cost_usd[0] + np.linspace(0, 5, 11)
    assert (found.hull(budgets) >= found.envelope(budgets) - 1e-12).all()
    assert (found.gain(budgets) >= -1e-12).all()
    budget = float(found.hull.cost[0]) + extra
    fit = found.fit(budget)
    assert fit.cost_usd <= budget + 1e-9
    assert fit.quality == pytest.approx(float(found.hull(budget)), abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_every_chain_of_the_envelope_reaches_its_point(seed: int) -> None:
    table = random_table(seed, 8, 3)
    found = escalation(table, "sure", models=[2, 0, 1])
    for envelope in (found.envelope, found.singles):
        for chain, quality, cost in zip(envelope.chain, envelope.quality, envelope.cost_usd, strict=True):
            replayed = replay(chain, table)
            assert (replayed.quality.mean(), replayed.cost_usd.mean()) == pytest.approx((quality, cost), abs=1e-12)


def test_break_even_where_the_cheaper_model_knows_nothing() -> None:
    """Every prompt is deferred at any threshold, so the pair always costs 1 + 2, more than 2."""
    table = ReplayTable.from_arrays(
        ["a", "b"], [[0, 1]] * 2, cost_usd=[[1, 2]] * 2, signals={"sure": [[np.nan, 1]] * 2}
    )
    assert np.isnan(escalation(table, "sure").pairs[0].break_even)


def smooth(prompts: int) -> ChainOutcomes:
    """Expected qualities: the first model's and the second's spread evenly over [0, 1] and [.4, 1], the third .95.

    Confidence is expected quality. Calls cost .1, .2 and 1.
    """
    rng = np.random.default_rng(0)
    first = (rng.permutation(prompts) + 0.5) / prompts
    second = 0.4 + 0.6 * (rng.permutation(prompts) + 0.5) / prompts
    quality = np.stack([first, second, np.full(prompts, 0.95)], axis=1)
    return ChainOutcomes.of_calls(quality[:, :2], quality, [[0.1, 0.2, 1.0]] * prompts)


def test_at_the_optimum_every_stage_has_the_same_price() -> None:
    """At a price of .3 the second model is kept from .95 - .3 = .65, so 5/12 of what reaches it go on.

    Reaching it gives 5/12 .95 + 7/12 (.65 + 1) / 2 = .8771 on average at a cost of .2 + 5/12 = .6167, so the first is
    kept from .8771 - .3 .6167 = .6921. Such a chain costs .1 + .6921 .6167 = .5268.
    """
    outcomes = smooth(3000)
    fitted = fit_thresholds(outcomes, 0.5268, most_cells=2**20)
    assert fitted.thresholds == pytest.approx((0.6921, 0.65), abs=0.03)
    assert shadow_prices(outcomes, fitted.thresholds) == pytest.approx([0.3, 0.3], abs=0.03)


def test_away_from_the_optimum_the_price_says_where_to_spend() -> None:
    """Deferring first answers of .9 gives .8771 for them, a loss; second ones of .5 leave .95 - .5 for 1 to gain."""
    prices = shadow_prices(smooth(3000), (0.9, 0.5))
    assert prices[0] < 0
    assert prices[1] == pytest.approx(0.45, abs=0.02)


def test_price_of_two_stages_by_hand() -> None:
    """One prompt on each side of .5: they gain 1 and 0 for 2 and 4, so 1/6; unknown confidences take no part."""
    outcomes = ChainOutcomes.of_calls(
        [[0.1], [0.4], [0.6], [0.9], [np.nan]],
        [[0, 1], [0, 1], [1, 1], [1, 0], [0, 1]],
        [[1, 9], [1, 2], [1, 4]] + [[1, 1]] * 2,
    )
    assert shadow_prices(outcomes, [0.5], share=0.1) == pytest.approx([1 / 6])
    assert np.isnan(shadow_prices(outcomes, [-np.inf])).all()
    assert np.isnan(shadow_prices(outcomes, [np.inf])).all()


def test_a_later_stage_is_priced_on_what_reaches_it() -> None:
    """Prompt 0 is nearest to the second threshold but does not reach it. Of the others, one gains 1, for 4 each."""
    outcomes = ChainOutcomes.of_calls(
        [[0.9, 0.45], [0.1, 0.4], [0.1, 0.6]], [[1, 1, 0], [0, 0, 1], [0, 1, 1]], [[1, 2, 4]] * 3
    )
    assert shadow_prices(outcomes, [0.5, 0.5])[1] == pytest.approx(1 / 8)


def test_what_it_cannot_use_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        escalation(three_models(), "sure", models=[0])
    holes = ReplayTable.from_arrays(["a", "b"], [[np.nan, 1]], cost_usd=[[1, 2]], signals={"sure": [[1, 1]]})
    with pytest.raises(NotReplayable, match="prompt 0"):
        escalation(holes, "sure")
