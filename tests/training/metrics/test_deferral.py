"""Deferral curve metrics."""

import numpy as np
import pytest

from anabranch.training.metrics.deferral import audc, cost_at_quality, cost_save, peak_quality, qnc, quality_at_cost

COST, QUALITY = [1, 2, 3, 4, 6], [0.3, 0.4, 0.5, 0.9, 0.8]


def test_area_follows_the_points_and_not_their_hull() -> None:
    """(1, .3) to (3, .5): mean .4, area .8; (3, .5) to (4, .9): .7; flat .9 to 6: 1.8. Sum 3.3, over 5.

    The hull would run straight from (1, .3) to (4, .9): 1.8 + 1.8 = 3.6.
    """
    assert audc(COST, QUALITY, c_min=1, c_max=6) == pytest.approx(0.66)


def test_area_up_to_half_the_dearest_cost() -> None:
    """To 3: .8, over 2."""
    assert audc(COST, QUALITY, c_min=1, c_max=3) == pytest.approx(0.4)


def test_area_with_anchor() -> None:
    """From the anchor (0, .1) to (1, .3): .2; then 3.3: 3.5 over 6."""
    assert audc(COST, QUALITY, c_min=0, c_max=6, anchor=0.1) == pytest.approx(3.5 / 6)
    assert np.isnan(audc(COST, QUALITY, c_min=0, c_max=6))


def test_area_of_an_empty_interval_is_the_quality_there() -> None:
    assert audc(COST, QUALITY, c_min=2, c_max=2) == pytest.approx(0.4)


def test_peak_ignores_unknown_points() -> None:
    assert peak_quality(QUALITY) == 0.9
    np.testing.assert_array_equal(peak_quality([[0.1, np.nan], [np.nan, np.nan]]), [0.1, np.nan])


def test_quality_at_cost() -> None:
    """3.5 is halfway from .5 to .9; beyond 4 the best point stays."""
    assert [float(quality_at_cost(COST, QUALITY, c)) for c in (3.5, 6)] == pytest.approx([0.7, 0.9])


def test_cost_at_quality() -> None:
    """.7 is halfway from (3, .5) to (4, .9); .2 is reached by the cheapest point; .91 never."""
    assert [float(cost_at_quality(COST, QUALITY, q)) for q in (0.7, 0.2, 0.91)] == pytest.approx([3.5, 1, np.inf])


def test_qnc_and_cost_save() -> None:
    """The best single model has .7 at cost 7: half of it suffices."""
    assert qnc(COST, QUALITY, best_cost=7, best_quality=0.7) == pytest.approx(0.5)
    assert cost_save(COST, QUALITY, best_cost=7, best_quality=0.7) == pytest.approx(0.5)


def test_qnc_out_of_reach_is_infinite_and_a_free_best_model_has_none() -> None:
    assert qnc(COST, QUALITY, best_cost=7, best_quality=0.95) == np.inf
    assert cost_save(COST, QUALITY, best_cost=7, best_quality=0.95) == -np.inf
    assert np.isnan(qnc(COST, QUALITY, best_cost=0, best_quality=0.5))


def test_qnc_with_the_best_single_model_as_fallback_is_one() -> None:
    """Its quality may come out of another sum: a rounding error of 1e-12 is still reached."""
    assert qnc([1, 7], [0.3, 0.95 - 1e-12], best_cost=7, best_quality=0.95) == pytest.approx(1.0)


def test_equal_qualities() -> None:
    """All settings equal: the cheapest already reaches the best single model."""
    assert qnc([2, 4], [0.5, 0.5], best_cost=4, best_quality=0.5) == pytest.approx(0.5)
    assert audc([2, 4], [0.5, 0.5], 2, 4) == pytest.approx(0.5)


def test_rows() -> None:
    """Row 1 reaches .5 at 2 of 4; row 2 halfway between 1 and 3, at 2 of 2."""
    cost, quality = [[2, 4], [1, 3]], [[0.5, 0.9], [0.0, 1.0]]
    assert qnc(cost, quality, best_cost=[4, 2], best_quality=[0.5, 0.5]).tolist() == [0.5, 1.0]


@pytest.mark.parametrize("seed", range(3))
def test_order_of_settings_is_irrelevant(seed: int) -> None:
    order = np.random.default_rng(seed).permutation(5)
    cost, quality = np.array(COST)[order], np.array(QUALITY)[order]
    assert audc(cost, quality, 1, 6) == pytest.approx(0.66)
    assert qnc(cost, quality, 7, 0.7) == pytest.approx(0.5)
