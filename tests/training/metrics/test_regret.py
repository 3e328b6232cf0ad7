"""Regret against the oracle and against a fixed arm."""

import numpy as np
import pytest

from anabranch.training.metrics.regret import regret

QUALITY = [[1.0, 0.5], [0.0, 1.0]]
COST = [[0.4, 0.1], [0.4, 0.1]]


def test_against_the_oracle() -> None:
    """Weight 2: utilities (.2, .3), (-.8, .8). Choosing arm 0 twice leaves .1 and 1.6."""
    assert regret(QUALITY, COST, [0, 0], cost_weight=2.0) == pytest.approx([0.1, 1.6])


def test_quality_only() -> None:
    assert regret(QUALITY, None, [0, 0]).tolist() == [0.0, 1.0]


def test_against_a_fixed_arm_may_be_negative() -> None:
    """Arm 1 always: .5 and 1; arm 0 on the first prompt is .5 better."""
    assert regret(QUALITY, None, [0, 1], reference=[1, 1]).tolist() == [-0.5, 0.0]


def test_an_unknown_cell_is_nan() -> None:
    values = regret([[np.nan, 1.0], [0.0, np.nan]], None, [0, 0])
    np.testing.assert_array_equal(values, [np.nan, 0.0])


def test_never_negative_against_the_oracle() -> None:
    rng = np.random.default_rng(0)
    quality, cost = rng.random((200, 4)), rng.random((200, 4))
    assert regret(quality, cost, rng.integers(0, 4, 200), cost_weight=0.7).min() >= 0
