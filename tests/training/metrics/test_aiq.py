"""AIQ: the vectors of the specification, edge cases, invariance to the unit of cost."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.training.metrics.aiq import aiq

COST, QUALITY = np.array([1, 2, 3, 4, 6]), np.array([0.3, 0.6, 0.5, 0.7, 0.65])


def test_paper() -> None:
    """Hull (1, .3), (2, .6), (4, .7), flat to 6: area .45 + 1.3 + 1.4 = 3.15, over 5."""
    assert aiq(COST, QUALITY, c_min=1, c_max=6) == pytest.approx(0.63)


def test_rb_code() -> None:
    """The same area 3.15, over c_max = 6; c_min is unused."""
    assert aiq(COST, QUALITY, c_min=5, c_max=6, mode="rb_code") == pytest.approx(0.525)


def test_anchor_joins_the_hull() -> None:
    """Points (2, .6), (4, .7) and anchor (1, .3) give the same hull as before."""
    assert aiq([2, 4], [0.6, 0.7], c_min=1, c_max=6, anchor=0.3) == pytest.approx(0.63)


def test_an_anchor_is_unused_when_the_router_starts_at_c_min() -> None:
    assert aiq(COST, QUALITY, c_min=1, c_max=6, anchor=0.9) == pytest.approx(0.63)


def test_without_an_anchor_a_late_start_is_nan() -> None:
    assert np.isnan(aiq([2, 4], [0.6, 0.7], c_min=1, c_max=6))


@pytest.mark.parametrize("mode", ["paper", "rb_code"])
def test_single_point(mode: str) -> None:
    """A point at (2, .4) on [2, 4] has mean .4; from 0 to 4 its area is 2 * .4 = .8, over 4."""
    expected = {"paper": 0.4, "rb_code": 0.2}[mode]
    assert aiq([2], [0.4], c_min=2, c_max=4, mode=mode) == pytest.approx(expected)  # type: ignore[arg-type]


def test_empty_interval_gives_the_quality_there() -> None:
    assert aiq(COST, QUALITY, c_min=3, c_max=3) == pytest.approx(0.65)
    assert aiq([0], [0.4], c_min=0, c_max=0, mode="rb_code") == pytest.approx(0.4)


def test_points_outside_the_interval_are_cut() -> None:
    """On [2, 3] the hull runs from .6 to .65."""
    assert aiq(COST, QUALITY, c_min=2, c_max=3) == pytest.approx(0.625)


def test_rows_have_their_own_interval_and_anchor() -> None:
    """Row 1: as above. Row 2: anchor (0, 0) to (2, 1), flat to 4: area 1 + 2 = 3, over 4."""
    cost, quality = [[1, 2, 4], [2, 2, 2]], [[0.3, 0.6, 0.7], [1.0, 1.0, 1.0]]
    assert aiq(cost, quality, c_min=[1, 0], c_max=[6, 4], anchor=[0.3, 0.0]) == pytest.approx([0.63, 0.75])


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="unknown AIQ mode 'code'; known modes: paper, rb_code"):
        aiq(COST, QUALITY, 1, 6, mode="code")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="c_min <= c_max"):
        aiq(COST, QUALITY, 6, 1)


@given(
    st.lists(st.tuples(st.integers(1, 100).map(lambda k: k / 100), st.floats(0, 1)), min_size=1, max_size=8),
    st.floats(1e-6, 1e6),
)
def test_the_unit_of_cost_is_irrelevant(pairs: list[tuple[float, float]], unit: float) -> None:
    cost, quality = map(np.array, zip(*pairs, strict=True))
    here = aiq(cost, quality, 0.01, 1.0, anchor=0.5)
    there = aiq(cost * unit, quality, 0.01 * unit, unit, anchor=0.5)
    assert there == pytest.approx(float(here), abs=1e-6)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=8))
def test_lies_between_the_worst_and_the_best_quality(pairs: list[tuple[float, float]]) -> None:
    cost, quality = map(np.array, zip(*pairs, strict=True))
    value = float(aiq(cost, quality, cost.min(), 1.0))
    assert quality.min() - 1e-9 <= value <= quality.max() + 1e-9
