"""Routing collapse."""

import numpy as np
import pytest

from anabranch.training.metrics.collapse import prediction_entropy, rci, selection_entropy, top_share

COST = np.array([[1.0, 2.0, 9.0]] * 6)


def test_rci_cases() -> None:
    """Best and cheap: 0. Best but dear though a cheap one ties: 1. Only the dear is best, chosen: 0; not chosen: 1.

    Wrong: 1. Nobody is right, so all tie, and the dear one was chosen: 1.
    """
    quality = [[1, 0, 1], [1, 0, 1], [0, 0, 1], [0, 0, 1], [1, 0, 0], [0, 0, 0]]
    assert rci(quality, COST, [0, 2, 2, 0, 1, 2]).tolist() == [0, 1, 0, 1, 1, 1]


def test_rci_judges_dearness_by_the_mean_cost_and_skips_unknown_cells() -> None:
    """Arm 1 is dearer on average (5 against 3), though not on the first prompt; the last chosen cell is unknown."""
    cost = np.array([[3, 1], [3, 9], [np.nan, np.nan]])
    quality = np.array([[1, 1], [1, 1], [np.nan, 1]])
    np.testing.assert_array_equal(rci(quality, cost, [1, 0, 0]), [1, 0, np.nan])


def test_selection_entropy() -> None:
    """Shares 1/2, 1/4, 1/4: 1/2 + 1/2 + 1/2 bits."""
    assert selection_entropy([0, 0, 3, 7]) == pytest.approx(1.5)
    assert selection_entropy([2, 2, 2]) == 0.0


def test_top_share() -> None:
    assert top_share([4, 1, 4, 4, 0]) == pytest.approx(0.6)


def test_prediction_entropy() -> None:
    """Scores 0 and log 3 give 1/4 and 3/4: .25 * 2 + .75 * log2(4/3) = .8113 bits; far apart, 0 bits."""
    assert prediction_entropy([[0.0, np.log(3)]]) == pytest.approx(0.5 + 0.75 * np.log2(4 / 3))
    assert prediction_entropy([[1000.0, 0.0], [0.0, 0.0]]) == pytest.approx(0.5)
