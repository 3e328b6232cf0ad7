"""Macro means."""

import numpy as np
import pytest

from anabranch.training.metrics.bootstrap import bootstrap_means, resample_counts
from anabranch.training.metrics.macro import macro_weights


def test_the_weighted_mean_is_the_mean_of_task_means() -> None:
    """Task a: mean of 0, 0, 1 = 1/3; task b: 1. Macro 2/3, micro 1/2."""
    weights = macro_weights(["a", "b", "a", "a"])
    assert np.average([0, 1, 0, 1], weights=weights) == pytest.approx(2 / 3)
    assert weights.mean() == pytest.approx(1.0)


def test_bootstrap_within_tasks() -> None:
    """Values constant within each task (0 and 1): every stratified replicate has macro mean 1/2."""
    tasks = [0, 0, 0, 1]
    counts = resample_counts(4, 20, np.random.default_rng(0), strata=tasks) * macro_weights(tasks)
    assert bootstrap_means(counts, [[0.0], [0.0], [0.0], [1.0]]) == pytest.approx(np.full((20, 1), 0.5))
