"""The oracle and the headroom recovered."""

import numpy as np
import pytest

from anabranch.training.metrics.oracle import (
    chosen_cells,
    headroom_recovered,
    hit,
    oracle_choice,
    oracle_gap,
    oracle_utility,
    relative_gain,
    task_oracle_choice,
    utility,
)

QUALITY = np.array([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
COST = np.array([[0.3, 0.2, 0.1], [0.3, 0.2, 0.1], [0.3, 0.2, 0.1]])


def test_ties_go_to_the_cheapest_right_arm_or_the_cheapest_of_all() -> None:
    assert oracle_choice(QUALITY, COST).tolist() == [1, 2, 2]


def test_without_costs_ties_go_to_the_first() -> None:
    assert oracle_choice(QUALITY).tolist() == [0, 2, 0]


def test_cost_weight_trades_quality() -> None:
    """Weight 6: prompt 0 has 1 - 1.8, 1 - 1.2, 0 - .6: utilities -.8, -.2, -.6. Prompt 1: -1.8, -1.2, .4."""
    assert oracle_choice(QUALITY, COST, cost_weight=6.0).tolist() == [1, 2, 2]
    assert oracle_utility(QUALITY, COST, cost_weight=6.0) == pytest.approx([-0.2, 0.4, -0.6])


def test_oracle_quality_by_hand() -> None:
    assert oracle_utility(QUALITY).tolist() == [1, 1, 0]


def test_missing_cells_are_no_candidates() -> None:
    """Row 0: only arm 1 is known. Row 1: arms tie, the one of unknown cost is the dearest. Row 2: nothing known."""
    quality = [[np.nan, 0.2], [0.5, 0.5], [np.nan, np.nan]]
    cost = [[1.0, 9.0], [np.nan, 9.0], [1.0, 1.0]]
    assert oracle_choice(quality, cost).tolist() == [1, 1, 0]
    np.testing.assert_array_equal(oracle_utility(quality, cost), [0.2, 0.5, np.nan])


def test_a_tie_of_unknown_costs_stays_inside_the_tie() -> None:
    assert oracle_choice([[0.0, 1.0, 1.0]], [[0.1, np.nan, np.nan]]).tolist() == [1]


@pytest.mark.parametrize(("cost", "weight"), [(None, 1.0), (COST, -1.0)])
def test_utility_refuses(cost: np.ndarray | None, weight: float) -> None:
    with pytest.raises(ValueError, match=f"cost_weight {weight} must be >= 0"):
        utility(QUALITY, cost, weight)


def test_task_oracle() -> None:
    """Task a: means (.5, .25, nan) -> arm 0. Task b: means (0, .5, .5), arm 2 is cheaper."""
    quality = [[1, 0.5, np.nan], [0, 0, np.nan], [0, 0.5, 0.5]]
    cost = [[1, 1, 1], [1, 1, 1], [1, 3, 2]]
    assert task_oracle_choice(quality, ["a", "a", "b"], cost).tolist() == [0, 0, 2]


def test_hit_counts_ties_and_skips_unknown() -> None:
    quality = np.array([[1, 1, 0], [1, 0, 0], [np.nan, 0, 0], [np.nan, 0, 0]])
    np.testing.assert_array_equal(hit(quality, [1, 1, 0, 2]), [1, 0, np.nan, 1])


def test_a_choice_outside_the_arms_is_refused() -> None:
    with pytest.raises(ValueError, match=r"choices -1..2 must be arms 0..2"):
        chosen_cells(QUALITY, [2, -1, 0])


def test_headroom() -> None:
    """From .6 to .8 is half of the way from .6 to 1.0."""
    assert headroom_recovered(0.8, best_single=0.6, oracle=1.0) == pytest.approx(0.5)
    assert np.isnan(headroom_recovered(0.6, best_single=0.6, oracle=0.6))


def test_gains() -> None:
    """.6 over .5 gains a fifth; .6 below an oracle of .8 misses a quarter."""
    assert relative_gain([0.6, 0.4], base=0.5) == pytest.approx([0.2, -0.2])
    assert oracle_gap(0.6, oracle=0.8) == pytest.approx(0.25)
    assert np.isnan(relative_gain(0.6, base=0.0)) and np.isnan(oracle_gap(0.0, oracle=0.0))
