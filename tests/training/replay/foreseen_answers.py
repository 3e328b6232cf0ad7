"""Recorded answers that a router foresees a little, and that tell a little of themselves."""

import numpy as np
from numpy.typing import NDArray

from anabranch.data.replay_table import ReplayTable

Floats = NDArray[np.float64]

ORDER = (1, 2, 0)
"""Of the models, from cheap to dear."""

USUAL = np.array([6.0, 1.0, 2.5])


def foreseen_answers(seed: int, *, prompts: int = 40, samples: int = 2) -> tuple[ReplayTable, Floats]:
    """Three models at 6, 1 and 2.5 on average, and a router's estimates of them.

    Estimates and signals have few levels, so many are equal; some are unknown.
    """
    rng = np.random.default_rng(seed)
    shape = (prompts, 3, samples)
    quality = rng.random(shape) < np.array([0.8, 0.4, 0.6])[:, None]
    sure = np.round(quality + rng.normal(size=shape), 1)
    sure[rng.random(shape) < 0.1] = np.nan
    estimates = np.round(quality.mean(axis=2) + rng.normal(size=shape[:2]), 1)
    estimates[rng.random(estimates.shape) < 0.1] = np.nan
    cost = USUAL[:, None] * rng.uniform(0.5, 1.5, shape)
    texts = [f"{seed} {row}" for row in range(prompts)]
    return ReplayTable.from_arrays(
        ["a", "b", "c"], quality, cost_usd=cost, signals={"sure": sure}, texts=texts
    ), estimates
