"""Prompts that a router knows some models not to suit, where answers tell the rest; and noise of the same shape."""

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.recipe import Ground
from tests.training.replay.foreseen_answers import USUAL, foreseen_answers


def specialists(prompts: int = 600) -> Ground:
    """A large model for 8, always right, and two small ones for 1 and 2; who is right is sure, and who is wrong is not.

    A third of the prompts each suits the first small model, the second, or none. Who suits is expected to be right by
    0.6 and is on half of them; who does not by 0.1, and never is; the large one by 0.9.
    """
    kind, lucky = np.arange(prompts) % 3, np.arange(prompts) % 2 == 0
    suits = np.stack([np.zeros(prompts, bool), kind == 1, kind == 0], axis=1)
    right = suits & lucky[:, None]
    right[:, 0] = True
    estimates = np.where(suits, 0.6, 0.1)
    estimates[:, 0] = 0.9
    cost = np.array([8.0, 2.0, 1.0])
    table = ReplayTable.from_arrays(
        ["large", "second", "first"],
        right,
        cost_usd=np.tile(cost, (prompts, 1)),
        signals={"logprob_mean": np.where(right, -0.1, -2.0)},
        texts=[f"{row}" for row in range(prompts)],
    )
    return Ground(table, (), estimates, cost, 0)


def noisy(seed: int = 0, prompts: int = 20) -> Ground:
    """Three models, two samples; estimates and the signal "sure" tell little, and some are unknown."""
    table, estimates = foreseen_answers(seed, prompts=prompts)
    return Ground(table, (), estimates, USUAL, seed)
