"""Value and mean height of piecewise linear curves."""

import numpy as np
import pytest

from anabranch.training.metrics.polyline import anchored, area, mean_height, value_at

COST, QUALITY = np.array([1.0, 2.0, 4.0]), np.array([0.3, 0.6, 0.7])


def test_value() -> None:
    """Halfway from (1, .3) to (2, .6) is .45; a quarter of the way from (2, .6) to (4, .7) is .625."""
    assert [float(value_at(COST, QUALITY, c)) for c in (1.5, 2.5, 9.0)] == pytest.approx([0.45, 0.625, 0.7])
    assert np.isnan(value_at(COST, QUALITY, 0.99))


def test_area_clips_at_both_bounds() -> None:
    """From 1.5 to 3: (.45 + .6) / 2 * .5 = .2625 and (.6 + .65) / 2 * 1 = .625, together .8875."""
    assert area(COST, QUALITY, 1.5, 3.0) == pytest.approx(0.8875)


def test_area_right_of_all_vertices_is_flat_and_left_is_zero() -> None:
    assert area(COST, QUALITY, 5.0, 7.0) == pytest.approx(1.4)
    assert area(COST, QUALITY, 0.0, 1.0) == 0.0


def test_a_repeated_last_vertex_changes_nothing() -> None:
    padded = np.append(COST, [4.0, 4.0]), np.append(QUALITY, [0.7, 0.7])
    assert mean_height(*padded, 1.0, 6.0) == pytest.approx(float(mean_height(COST, QUALITY, 1.0, 6.0)))


def test_a_single_vertex_is_flat() -> None:
    assert mean_height(np.array([1.0]), np.array([0.4]), 1.0, 3.0) == pytest.approx(0.4)


def test_bounds_may_differ_by_row() -> None:
    """The line from (0, 0) to (2, 1) has mean .25 on [0, 1] and .75 on [1, 2]."""
    cost, quality = np.array([[0.0, 2.0]] * 2), np.array([[0.0, 1.0]] * 2)
    assert mean_height(cost, quality, [0.0, 1.0], [1.0, 2.0]).tolist() == [0.25, 0.75]


def test_an_uncovered_left_end_is_nan_but_rounding_is_forgiven() -> None:
    assert np.isnan(mean_height(COST, QUALITY, 0.5, 4.0))
    assert mean_height(COST, QUALITY, 1 - 1e-12, 1 - 1e-12) == pytest.approx(0.3)


def test_an_empty_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="c_min <= c_max"):
        mean_height(COST, QUALITY, 2.0, 1.0)


def test_anchor_only_where_no_point_is_at_or_left_of_the_bound() -> None:
    """The first row starts at the bound; the second right of it; the third's cheap point has no quality."""
    cost = [[1.0, 2.0], [1.5, 2.0], [1.0, 2.0]]
    quality = [[0.3, 0.6], [0.3, 0.6], [np.nan, 0.6]]
    with_anchor_cost, with_anchor = anchored(cost, quality, 1.0, 0.2)
    assert with_anchor_cost[:, 0].tolist() == [1.0, 1.0, 1.0]
    np.testing.assert_array_equal(with_anchor[:, 0], [np.nan, 0.2, 0.2])
