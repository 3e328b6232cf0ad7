"""Small grounds whose best chains are known."""

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.recipe import Ground


def ground_of(table: ReplayTable) -> Ground:
    return Ground(table, (), None, np.nanmean(table.cost_usd, axis=(0, 2)), 0)


def random_ground(seed: int = 0, prompts: int = 300, models: int = 3, samples: int = 1) -> Ground:
    """Each model is right with the chance exp(logprob_mean), dearer ones more often; other signals are noise."""
    rng = np.random.default_rng(seed)
    shape = (prompts, models, samples)
    chance = rng.beta(2.0, 1.0, shape) ** np.linspace(2.0, 0.5, models)[:, None]
    table = ReplayTable.from_arrays(
        [f"m{model}" for model in range(models)],
        rng.random(shape) < chance,
        cost_usd=np.broadcast_to(4.0 ** np.arange(models)[:, None], shape),
        signals={"logprob_mean": np.log(chance), "tokens": rng.integers(1, 50, shape), "other": rng.normal(size=shape)},
        texts=[f"{seed} {row}" for row in range(prompts)],
    )
    return ground_of(table)
