import numpy as np

from anabranch.training.replay.settings_grid import SettingsGrid

GRID = SettingsGrid(np.arange(5.0)[:, None], np.array([0.5, 0.7, 0.7, 0.4, 0.9]), np.array([2.0, 4.0, 3.0, 1.0, 9.0]))


def test_the_best_under_each_budget_of_equals_the_cheapest() -> None:
    assert list(GRID.under([0.5, 1.0, 2.5, 5.0, 100.0])) == [(3.0,), (0.0,), (2.0,), (4.0,)]


def test_what_is_beaten_falls_away_and_no_budget_misses_it() -> None:
    kept = GRID.undominated()
    assert kept.settings[:, 0].tolist() == [3.0, 0.0, 2.0, 4.0]
    budgets = np.linspace(0, 10, 50).tolist()
    assert list(kept.under(budgets)) == list(GRID.under(budgets))


def test_grids_are_joined_in_their_order() -> None:
    joined = SettingsGrid.joined([GRID, GRID._replace(cost_usd=GRID.cost_usd / 2)])
    assert joined.settings.shape == (10, 1) and list(joined.under([1.5])) == [(2.0,)]
