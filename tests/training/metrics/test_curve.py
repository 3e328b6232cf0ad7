"""Cost-quality curves of recorded choices, and their metrics in every replicate."""

import numpy as np
import pytest

from anabranch.training.metrics.aiq import aiq
from anabranch.training.metrics.bootstrap import resample_counts
from anabranch.training.metrics.curve import (
    Curve,
    arms_curve,
    bootstrap_curve,
    cells_curve,
    curve_metrics,
    router_curve,
)
from anabranch.training.metrics.hull import ndch

QUALITY = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.5]])
COST = np.array([[1.0, 8.0], [1.0, 4.0], [1.0, 3.0]])
CHOICES = np.array([[0, 1, 1], [0, 0, 1], [0, 0, 1]])


def world(n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.random((n, 4)), rng.random((n, 4)) + np.arange(4), rng.integers(0, 4, (n, 7))


def test_curve_by_hand() -> None:
    """All cheap: quality 1/3, cost 1. The first to the dear arm: 2/3 and 10/3. All dear: 2.5/3 and 5."""
    curve = router_curve(QUALITY, COST, CHOICES)
    assert curve.quality == pytest.approx([1 / 3, 2 / 3, 2.5 / 3])
    assert curve.cost_usd == pytest.approx([1, 10 / 3, 5])
    assert curve.coverage.tolist() == [1, 1, 1]


def test_quality_only() -> None:
    curve = router_curve(QUALITY, None, CHOICES)
    assert curve.cost_usd is None
    assert curve.quality == pytest.approx([1 / 3, 2 / 3, 2.5 / 3])


def test_a_missing_cell_leaves_both_means_of_its_setting() -> None:
    """The dear arm's quality on prompt 0 and the cheap arm's cost on prompt 2 are unknown.

    All cheap: prompts 0 and 1 stay: 1/2, cost 1. Mixed: prompt 1 stays: 1, cost 1. All dear: 1 and 2: .75, 3.5.
    """
    quality, cost = QUALITY.copy(), COST.copy()
    quality[0, 1] = cost[2, 0] = np.nan
    curve = router_curve(quality, cost, CHOICES)
    assert curve.quality == pytest.approx([0.5, 1.0, 0.75])
    assert curve.cost_usd == pytest.approx([1.0, 1.0, 3.5])
    assert curve.coverage == pytest.approx([2 / 3, 1 / 3, 2 / 3])


def test_a_setting_without_any_known_cell_is_nan() -> None:
    curve = router_curve([[np.nan, 1.0]], [[1.0, 2.0]], [[0, 1]])
    np.testing.assert_array_equal(curve.quality, [np.nan, 1.0])
    assert curve.coverage.tolist() == [0, 1]


def test_weights() -> None:
    """Weights 2, 1, 1 on qualities 0, 1, 0 of the cheap arm: 1/4."""
    assert router_curve(QUALITY, COST, CHOICES, weights=[2, 1, 1]).quality[0] == pytest.approx(0.25)


def test_arms_are_their_own_constant_routers() -> None:
    """The cheap arm has 1/3 at 1, the dear one 2.5/3 at 5; the zero router at 3 is halfway."""
    arms = arms_curve(QUALITY, COST)
    assert arms.quality == pytest.approx([1 / 3, 2.5 / 3])
    assert arms.cost_usd is not None
    assert ndch(arms.cost_usd, arms.quality)(3) == pytest.approx(3.5 / 6)


@pytest.mark.parametrize("holes", [0.0, 0.2])
def test_replicates_equal_curves_of_repeated_prompts(holes: float) -> None:
    """A replicate is the curve of a table in which prompt i stands counts[i] times."""
    quality, cost, choices = world()
    quality[np.random.default_rng(0).random(quality.shape) < holes] = np.nan
    counts = resample_counts(60, 5, np.random.default_rng(1))
    batch = bootstrap_curve(counts, quality, cost, choices)
    assert batch.cost_usd is not None
    for row, times in enumerate(counts.astype(int)):
        again = router_curve(*(np.repeat(table, times, axis=0) for table in (quality, cost, choices)))
        np.testing.assert_allclose(batch.quality[row], again.quality)
        np.testing.assert_allclose(batch.cost_usd[row], np.asarray(again.cost_usd, np.float64))
        np.testing.assert_allclose(batch.coverage[row], again.coverage)


def test_order_of_prompts_is_irrelevant() -> None:
    order, tables = np.random.default_rng(0).permutation(60), world()
    shuffled = [table[order] for table in tables]
    one, two = (curve_metrics(router_curve(*some), arms_curve(*some[:2])) for some in (tables, shuffled))
    for name in ("aiq", "audc", "qnc", "peak"):
        assert getattr(one, name) == pytest.approx(float(getattr(two, name)))


def test_metrics_by_hand() -> None:
    """Points (1, 1/3), (10/3, 2/3), (5, 5/6) on [1, 5]: slopes 1/7 and 1/10, so hull and deferral curve are one.

    Area (7/3)(1/2) + (5/3)(3/4) = 29/12, over 4. The best single model, 5/6 at 5, is reached at 5.
    """
    metrics = curve_metrics(router_curve(QUALITY, COST, CHOICES), arms_curve(QUALITY, COST))
    assert metrics.aiq == pytest.approx(29 / 48)
    assert metrics.audc == pytest.approx(29 / 48)
    assert metrics.qnc == pytest.approx(1.0)
    assert metrics.peak == pytest.approx(5 / 6)


def test_a_router_that_starts_late_is_anchored_at_the_better_of_the_cheapest_arms() -> None:
    """Arms (1, .2), (1, .4), (3, 1); the router is one point (3, 1): the line from (1, .4) has mean .7."""
    arms = Curve(np.array([0.2, 0.4, 1.0]), np.array([1.0, 1.0, 3.0]), np.ones(3))
    router = Curve(np.array([1.0]), np.array([3.0]), np.ones(1))
    assert curve_metrics(router, arms).aiq == pytest.approx(0.7)


def test_equal_best_arms_are_represented_by_the_cheaper_unless_one_is_named() -> None:
    """Arms .9 at 2 and at 4; the router reaches .9 at 1: half of the cheaper's cost, a quarter of the other's."""
    arms = Curve(np.array([0.9, 0.9]), np.array([4.0, 2.0]), np.ones(2))
    router = Curve(np.array([0.9]), np.array([1.0]), np.ones(1))
    assert curve_metrics(router, arms).qnc == pytest.approx(0.5)
    assert curve_metrics(router, arms, best=0).qnc == pytest.approx(0.25)


def test_without_costs_only_the_peak_is_known() -> None:
    metrics = curve_metrics(router_curve(QUALITY, None, CHOICES), arms_curve(QUALITY, None))
    assert metrics.peak == pytest.approx(5 / 6)
    assert np.isnan([metrics.aiq, metrics.audc, metrics.qnc]).all()


def test_metrics_of_a_batch_equal_those_of_its_rows() -> None:
    quality, cost, choices = world()
    counts = resample_counts(60, 20, np.random.default_rng(1))
    batch, arms = bootstrap_curve(counts, quality, cost, choices), arms_curve(quality, cost, counts)
    assert batch.cost_usd is not None and arms.cost_usd is not None
    metrics = curve_metrics(batch, arms)
    for row in range(20):
        cheapest = arms.cost_usd[row].argmin()
        expected = aiq(
            batch.cost_usd[row],
            batch.quality[row],
            arms.cost_usd[row].min(),
            arms.cost_usd[row].max(),
            anchor=arms.quality[row, cheapest],
        )
        assert metrics.aiq[row] == pytest.approx(float(expected))
    assert metrics.audc.shape == metrics.qnc.shape == metrics.peak.shape == (20,)


def test_a_constant_router_equals_its_arm_in_every_replicate() -> None:
    quality, cost, _ = world()
    counts = resample_counts(60, 10, np.random.default_rng(1))
    curve, arms = bootstrap_curve(counts, quality, cost, np.full((60, 1), 2)), arms_curve(quality, cost, counts)
    np.testing.assert_allclose(curve.quality[:, 0], arms.quality[:, 2])
    assert np.all(curve_metrics(curve, arms, best=2).qnc == pytest.approx(1.0))


@pytest.mark.parametrize("choices", [[[0], [2], [0]], [[0], [-1], [0]]])
def test_a_choice_outside_the_arms_is_refused(choices: list[list[int]]) -> None:
    with pytest.raises(ValueError, match=r"must be arms 0\.\.1"):
        router_curve(QUALITY, COST, choices)


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match=r"outcomes \(3, 2\) and choices \(2, 1\)"):
        router_curve(QUALITY, COST, [[0], [1]])


def test_cells_are_what_choices_pick() -> None:
    """A router's cells, chosen beforehand, give its curve in every replicate, holes included."""
    quality, cost, choices = world()
    quality[3, 1] = cost[5, 2] = np.nan
    counts = resample_counts(len(quality), 20, np.random.default_rng(2))
    picked = [np.take_along_axis(table, choices, axis=1) for table in (quality, cost)]
    whole, cells = bootstrap_curve(counts, quality, cost, choices), cells_curve(counts, *picked)
    assert whole.cost_usd is not None and cells.cost_usd is not None
    np.testing.assert_array_equal(whole.quality, cells.quality)
    np.testing.assert_array_equal(whole.cost_usd, cells.cost_usd)
    np.testing.assert_array_equal(whole.coverage, cells.coverage)


def test_cells_of_several_calls() -> None:
    """Two prompts, one of them 6 dear as it called twice; drawn twice, it alone counts."""
    curve = cells_curve([[1, 1], [0, 2]], [[1.0], [0.0]], [[1.0], [6.0]])
    assert curve.cost_usd is not None
    assert (curve.quality.tolist(), curve.cost_usd.tolist()) == ([[0.5], [0.0]], [[3.5], [6.0]])
    with pytest.raises(ValueError, match="must both be"):
        cells_curve([[1, 1]], [[1.0], [0.0]], [[1.0, 2.0], [3.0, 4.0]])
