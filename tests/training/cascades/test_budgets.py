import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.budgets import budgets_of, model_costs
from tests.training.cascades.grounds import ground_of, random_ground


def test_equal_ratios_from_the_cheapest_to_a_quarter_above_the_dearest() -> None:
    """Mean costs 2 and 12.8: from 2 to 16 in three steps of 2."""
    table = ReplayTable.from_arrays(["owl", "wren"], np.ones((2, 2)), cost_usd=[[12.8, 1], [12.8, 3]])
    assert budgets_of(ground_of(table), 4) == pytest.approx([2.0, 4.0, 8.0, 16.0])


def test_models_that_are_free_add_a_budget_of_nothing() -> None:
    """0, and 8 to 10; nothing else where all are free."""
    table = ReplayTable.from_arrays(["owl", "wren"], np.ones((1, 2)), cost_usd=[[0, 8]])
    assert budgets_of(ground_of(table), 2) == pytest.approx([0.0, 8.0, 10.0])
    free = ReplayTable.from_arrays(["owl", "wren"], np.ones((1, 2)), cost_usd=[[0, 0]])
    assert budgets_of(ground_of(free), 5).tolist() == [0.0]


def test_of_several_samples_that_counts_which_a_replay_draws() -> None:
    """Samples cost 1 and 3: the mean over one sample a prompt is rarely 2, and is what a policy is charged."""
    table = ReplayTable.from_arrays(["owl"], np.ones((50, 1, 2)), cost_usd=np.tile([1.0, 3.0], (50, 1, 1)))
    drawn = model_costs(ground_of(table))[0]
    assert drawn != 2.0 and 50 * drawn == round(50 * drawn) and 1.4 < drawn < 2.6


def test_an_answer_without_a_cost_is_named_with_the_way_out() -> None:
    table = ReplayTable.from_arrays(["owl", "wren"], np.ones((2, 2)), cost_usd=[[1.0, 1.0], [1.0, np.nan]])
    with pytest.raises(ValueError, match=r"unknown costs of wren: .*`anabranch data reprice LABELS --prices FILE`"):
        budgets_of(ground_of(table), 3)


def test_an_answer_that_is_not_recorded_needs_no_cost() -> None:
    table = ReplayTable.from_arrays(["owl"], [[1.0], [np.nan]], cost_usd=[[4.0], [np.nan]])
    assert budgets_of(ground_of(table), 2) == pytest.approx([4.0, 5.0])


def test_no_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match="0 budgets: at least one"):
        budgets_of(random_ground(), 0)
