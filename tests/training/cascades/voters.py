"""Small grounds of recorded answers that vote."""

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.recipe import Ground
from tests.training.cascades.grounds import ground_of


def ground_of_keys(keys: list[list[list[int]]], cost_usd: list[float]) -> Ground:
    """Key 1 is right; [N][M][R]."""
    said = np.array(keys)
    cost = np.broadcast_to(np.array(cost_usd)[:, None], said.shape)
    names = [f"m{model}" for model in range(said.shape[1])]
    return ground_of(ReplayTable.from_arrays(names, said == 1, cost_usd=cost, key=said))


def random_voters(prompts: int = 40, models: int = 4, samples: int = 5, seed: int = 0) -> Ground:
    """Dearer models are right more often, wrong answers are one of four; a token signal tells a little."""
    rng = np.random.default_rng(seed)
    shape = (prompts, models, samples)
    right = rng.random(shape) < np.linspace(0.4, 0.9, models)[:, None]
    right[:, :, 0] = np.arange(prompts)[:, None] < np.linspace(0.4, 0.9, models) * prompts
    return ground_of(
        ReplayTable.from_arrays(
            [f"m{model}" for model in range(models)],
            right,
            cost_usd=np.broadcast_to(3.0 ** np.arange(models)[:, None], shape),
            key=np.where(right, 0, rng.integers(1, 5, shape)),
            signals={"logprob_mean": right + rng.normal(size=shape)},
            texts=[f"{seed} {row}" for row in range(prompts)],
        )
    )
