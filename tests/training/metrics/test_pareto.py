"""Pareto-clean points and the distance to them."""

import numpy as np
import pytest

from anabranch.training.metrics.pareto import pareto, pareto_distance


def test_equal_costs_keep_the_better_and_nan_points_are_absent() -> None:
    """Of (1, .2), (1, .4), (2, nan), (nan, 9), (3, .4), (4, .5): (1, .4) and (4, .5) stay; (3, .4) does not rise."""
    cost, quality = pareto(np.array([1, 1, 2, np.nan, 3, 4]), np.array([0.2, 0.4, np.nan, 9.0, 0.4, 0.5]))
    assert cost.tolist() == [1, 4, 4, 4, 4, 4]
    assert quality.tolist() == [0.4, 0.5, 0.5, 0.5, 0.5, 0.5]


def test_rows_are_cleaned_by_themselves_and_an_absent_row_is_nan() -> None:
    cost, quality = pareto(np.array([[2, 1], [1, 2], [np.nan, 1]]), [[0.1, 0.5], [0.1, 0.5], [0.1, np.nan]])
    assert cost[:2].tolist() == [[1, 1], [1, 2]]
    assert np.isnan(cost[2]).all() and np.isnan(quality[2]).all()


def test_no_points_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(0,\).*at least one point"):
        pareto([], [])


def test_distance_is_scaled_by_all_points_and_goes_to_the_nearest_frontier_point() -> None:
    """All points (0, 0), (10, 1), (10, 0): spans 10 and 1, frontier (0, 0) and (1, 1) when scaled.

    The router's (10, 0) is at (1, 0): distance 1 to either. Its (10, 1) is on the frontier: 0. Mean .5.
    """
    assert pareto_distance([10, 10], [0, 1], all_cost=[0, 10, 10], all_quality=[0, 1, 0]) == pytest.approx(0.5)


def test_an_axis_without_spread_counts_nothing() -> None:
    """All costs 5: only quality counts, span .5; the point at .5 is .5 / .5 = 1 below the best."""
    assert pareto_distance([5], [0.5], all_cost=[5, 5], all_quality=[0.5, 1.0]) == pytest.approx(1.0)
