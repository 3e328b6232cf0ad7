"""Random tables whose sums are exact."""

import numpy as np

from anabranch.data.replay_table import ReplayTable


def random_table(seed: int, prompts: int, models: int, samples: int = 1, unknown: float = 0.2) -> ReplayTable:
    """Costs and qualities are sixteenths, so that sums are exact; confidences tie, and some are unknown."""
    rng = np.random.default_rng(seed)
    shape = (prompts, models, samples)
    signal = rng.integers(0, 5, shape) / 4
    signal[rng.random(shape) < unknown] = np.nan
    return ReplayTable.from_arrays(
        [f"m{model}" for model in range(models)],
        rng.integers(0, 17, shape) / 16,
        cost_usd=rng.integers(1, 33, shape) / 16,
        signals={"sure": signal},
        texts=[f"text {row} of {seed}" for row in range(prompts)],
    )
