"""RouterArena: five vectors of the specification and two rows of the leaderboard."""

import numpy as np
import pytest

from anabranch.training.metrics.routerarena import (
    arena_score,
    cost_term,
    optimal_accuracy,
    optimal_cost,
    optimal_selection,
    robustness,
)


@pytest.mark.parametrize(
    ("cost", "accuracy", "score"),
    [(0.15, 0.6689, 0.66908), (10, 0.7, 0.61571), (200, 0.8, 0.0), (300, 0.8, -0.7885), (0.001, 0.7, 0.7254)],
)
def test_vectors_of_the_published_formula(cost: float, accuracy: float, score: float) -> None:
    assert arena_score(accuracy, cost, clip=False) == pytest.approx(score, abs=5e-5)


@pytest.mark.parametrize(("cost", "accuracy", "score"), [(0.15, 0.6689, 0.66908), (10, 0.7, 0.61571)])
def test_inside_the_range_clipping_changes_nothing(cost: float, accuracy: float, score: float) -> None:
    assert arena_score(accuracy, cost) == pytest.approx(score, abs=5e-6)


@pytest.mark.parametrize(
    ("accuracy", "cost", "score"), [(73.96, 10.02, 64.32), (68.09, 0.54, 66.66)], ids=["GPT-5", "Azure"]
)
def test_leaderboard_rows(accuracy: float, cost: float, score: float) -> None:
    """All three are printed with two decimals: the printed score lies within what that rounding allows."""
    half = 0.005
    low = 100 * arena_score((accuracy - half) / 100, cost + half)
    high = 100 * arena_score((accuracy + half) / 100, cost - half)
    assert low - half <= score <= high + half
    assert high - low < 0.05


def test_clipping_bounds_the_score() -> None:
    """Above 200 USD C = 0 and so is the score; at and below .0044, even free, C = 1: 1.1 * .7 / 1.07 = .71963."""
    assert arena_score(0.7, [300, 200, 0.0044, 0.001, 0.0]) == pytest.approx([0, 0, *[0.77 / 1.07] * 3])


def test_wrong_and_dear_is_zero_and_not_undefined() -> None:
    assert arena_score(0.0, 200) == 0.0


def test_cost_term_is_linear_in_the_logarithm() -> None:
    """The geometric mean of the two ends is halfway."""
    assert cost_term(np.sqrt(0.0044 * 200)) == pytest.approx(0.5)


def test_bad_costs() -> None:
    with pytest.raises(ValueError, match=r"cost of 0.0 USD .* must be > 0"):
        arena_score(0.5, 0.0, clip=False)
    with pytest.raises(ValueError, match=r"cost of -1.0 USD .* must be >= 0"):
        arena_score(0.5, [-1.0, 1.0])
    with pytest.raises(ValueError, match="cost of nan USD"):
        arena_score(0.5, np.nan)


QUALITY = [[1, 1, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0]]
COST = [[3, 2, 1]] * 4


def test_columns() -> None:
    """Choices 1, 0, 0, 2: the first is the cheapest right one; the second is right but dear; the others are wrong.

    Optimal costs 2, 2, 1 and, none being right, 1: 6 over 2 + 3 + 3 + 1 = 9. Right 2 of 3 solvable.
    """
    choice = [1, 0, 0, 2]
    assert optimal_selection(QUALITY, COST, choice) == 0.25
    assert optimal_cost(QUALITY, COST, choice) == pytest.approx(6 / 9)
    assert optimal_accuracy(QUALITY, choice) == pytest.approx(2 / 3)


def test_nothing_solvable() -> None:
    assert np.isnan(optimal_accuracy([[0, 0]], [1]))


def test_robustness() -> None:
    assert robustness([0, 1, 2], [0, 2, 2]) == pytest.approx(2 / 3)
