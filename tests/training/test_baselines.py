import numpy as np

from anabranch.data.outcomes import Outcomes
from anabranch.training.baselines import best_single, cheapest_single, frontier_arms


def test_ties_go_to_the_cheaper_arm() -> None:
    table = Outcomes.from_arrays(["dear", "cheap"], [[1, 1], [0, 0]], cost_usd=[[2, 1], [2, 1]])
    assert best_single(table) == 1
    assert cheapest_single(table) == 1


def test_barely_labelled_arms_do_not_win() -> None:
    """`rare` was right on its only prompt, `common` on three of four."""
    nan = np.nan
    table = Outcomes.from_arrays(["rare", "common"], [[1.0, 1.0], [nan, 1.0], [nan, 1.0], [nan, 0.0]])
    assert best_single(table) == 1


def test_no_cost_no_cheapest() -> None:
    assert cheapest_single(Outcomes.from_arrays(["a"], [[1.0]])) is None


def test_frontier_leaves_out_what_a_mix_beats() -> None:
    """Half cheap (0.2 at 1) and half dear (0.8 at 3) is 0.5 at 2, above the middle arm's 0.4."""
    quality, cost = np.array([[0.2, 0.4, 0.8]]), np.array([[1.0, 2.0, 3.0]])
    assert frontier_arms(quality, cost) == (0, 2)


def test_frontier_of_equal_arms_names_one() -> None:
    assert frontier_arms(np.array([[0.5, 0.5]]), np.array([[1.0, 1.0]])) == (0,)
