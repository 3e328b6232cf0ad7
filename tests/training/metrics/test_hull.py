"""Non-decreasing concave hull: the vector of the specification, edge cases, and brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.training.metrics.hull import concave_hull, ndch

COST, QUALITY = [1, 2, 3, 4, 6], [0.3, 0.6, 0.5, 0.7, 0.65]

# Multiples of 1/16 keep slopes exact, so ties and straight lines are really met.
grid = st.integers(0, 32).map(lambda k: k / 16)
points = st.lists(st.tuples(grid, grid), min_size=1, max_size=9)


def best_mix(cost: list[float], quality: list[float], at: float) -> float:
    """Highest quality of any point or mix of two points whose cost is at most `at`, by trying all."""
    best = -np.inf
    for c, q in zip(cost, quality, strict=True):
        if c > at:
            continue
        best = max(best, q)
        for dear, high in zip(cost, quality, strict=True):
            if dear > at:
                best = max(best, q + (high - q) * (at - c) / (dear - c))
    return best


def test_vector() -> None:
    """(3, .5) is under (2, .6); (6, .65) is after the maximum. Slopes .3 then .05 fall, so three vertices stay.

    At 3, halfway from (2, .6) to (4, .7): .65.
    """
    frontier = ndch(COST, QUALITY)
    assert frontier.cost.tolist() == [1, 2, 4]
    assert frontier.quality.tolist() == [0.3, 0.6, 0.7]
    assert frontier(3) == pytest.approx(0.65)


def test_left_of_the_first_vertex_is_unknown_and_right_of_the_last_is_flat() -> None:
    frontier = ndch(COST, QUALITY)
    assert np.isnan(frontier(0.5))
    assert frontier([1.0, 4.0, 100.0]).tolist() == [0.3, 0.7, 0.7]


def test_single_point() -> None:
    frontier = ndch([2], [0.4])
    assert frontier.cost.tolist() == [2]
    assert frontier([2.0, 3.0]).tolist() == [0.4, 0.4]


def test_points_on_a_line_are_no_vertices() -> None:
    assert ndch([0, 1, 2, 3], [0.0, 0.25, 0.5, 0.75]).cost.tolist() == [0, 3]


def test_a_vertex_can_uncover_several_before_it() -> None:
    """(1, 1/16), (2, 3/16), (3, 5/16) bend up towards (4, 2): all three lie under the segment from (0, 0)."""
    assert ndch([0, 1, 2, 3, 4], [0, 1 / 16, 3 / 16, 5 / 16, 2]).cost.tolist() == [0, 4]


def test_all_points_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="none of 2 points"):
        ndch([1, np.nan], [np.nan, 0.5])


def test_rows_of_a_batch_are_hulls_by_themselves() -> None:
    rng = np.random.default_rng(0)
    cost, quality = rng.random((50, 12)), rng.random((50, 12))
    batch_cost, batch_quality = concave_hull(cost, quality)
    for row in range(50):
        frontier, width = ndch(cost[row], quality[row]), 12
        pad = width - len(frontier.cost)
        assert batch_cost[row].tolist() == [*frontier.cost, *[frontier.cost[-1]] * pad]
        assert batch_quality[row].tolist() == [*frontier.quality, *[frontier.quality[-1]] * pad]


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_one_row_is_the_same_alone_and_among_others(scale: float) -> None:
    """To the last bit, on a thousand points with ties in cost and in quality; alone, the chain runs another way."""
    rng = np.random.default_rng(0)
    cost, quality = scale * rng.integers(0, 500, (3, 1000)), np.sqrt(rng.integers(0, 500, (3, 1000)))
    cost[1, ::7] = np.nan
    cost[2] = np.nan
    together = concave_hull(cost, quality)
    for row in range(3):
        for one, other in zip(concave_hull(cost[row], quality[row]), together, strict=True):
            np.testing.assert_array_equal(one, other[row])


def test_ten_thousand_points_of_a_concave_curve_are_all_vertices() -> None:
    """On the square root of 0, 1, 4, 9, ... slopes are 1, 1/3, 1/5, ...: each point stays."""
    root = np.arange(10_000.0)
    assert ndch(root**2, root).quality.tolist() == root.tolist()


@given(points)
def test_equals_brute_force(pairs: list[tuple[float, float]]) -> None:
    cost, quality = map(list, zip(*pairs, strict=True))
    frontier = ndch(cost, quality)
    for at in np.linspace(min(cost), max(cost) + 1, 21):
        assert frontier(at) == pytest.approx(best_mix(cost, quality, at), abs=1e-12)


@given(points)
def test_covers_the_points_and_is_concave_and_rising(pairs: list[tuple[float, float]]) -> None:
    cost, quality = map(np.array, zip(*pairs, strict=True))
    frontier = ndch(cost, quality)
    assert np.all(frontier(cost) >= quality - 1e-12)
    assert np.all(np.diff(frontier.cost) > 0) and np.all(np.diff(frontier.quality) > 0)
    slopes = np.diff(frontier.quality) / np.diff(frontier.cost)
    assert np.all(np.diff(slopes) < 0)


@given(points, st.randoms(use_true_random=False))
def test_order_of_points_is_irrelevant(pairs: list[tuple[float, float]], random: object) -> None:
    shuffled = sorted(pairs, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, two = (ndch(*zip(*some, strict=True)) for some in (pairs, shuffled))
    assert one.cost.tolist() == two.cost.tolist() and one.quality.tolist() == two.quality.tolist()
