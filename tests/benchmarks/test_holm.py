"""Holm's correction."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.leaderboard.holm import holm


def test_the_smallest_of_three_is_tripled_and_no_later_one_falls_below_an_earlier() -> None:
    """Sorted 0.01, 0.03, 0.04: 3 * 0.01 = 0.03, 2 * 0.03 = 0.06, 1 * 0.04 = 0.04, raised to 0.06."""
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])


def test_nothing_rises_above_one_and_what_is_no_comparison_does_not_count() -> None:
    """Two comparisons: 2 * 0.6 is 1.2, so 1; 0.9 is raised to 1. With the NaN counted, 0.02 would be tripled."""
    np.testing.assert_allclose(holm([0.6, np.nan, 0.9]), [1.0, np.nan, 1.0])
    np.testing.assert_allclose(holm([np.nan, 0.02, 0.5]), [np.nan, 0.04, 0.5])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_it_lies_between_no_correction_and_bonferroni_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    given_p = np.array(p_values)
    assert (adjusted >= given_p).all()
    assert (adjusted <= np.minimum(1, given_p * len(p_values))).all()
    order = np.argsort(given_p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
