"""What a router expects of models before any call, beside what they answered."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anabranch.training.cascades.chains import Models
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import samples_of
from anabranch.training.replay.chain_replay import Calls, recorded_calls

Floats = NDArray[np.float64]


class Foreseen(NamedTuple):
    """All models on N prompts, from cheap to dear.

    Args:
        models: L numbers.
        calls: one of each of them.
        estimates: float64 [N, L], of their quality; NaN if unknown.
        cost_usd: float64 [N, L], expected, of a call.
    """

    models: Models
    calls: Calls
    estimates: Floats
    cost_usd: Floats


def foreseen(ground: Ground, signal: str) -> Foreseen:
    """Models in the order of their usual costs.

    Args:
        ground: N prompts, M models.
        signal: the confidence of the calls.

    Raises:
        ValueError: an answer is missing, or the signal.
    """
    samples_of(ground, range(len(ground.table.models)))
    models = ground.cost_usd.argsort(kind="stable").tolist()
    shape = (len(ground.table), len(models))
    estimates = np.full(shape, np.nan) if ground.estimates is None else ground.estimates[:, models].astype(np.float64)
    calls = recorded_calls(ground.table, models, signal, ground.seed)
    return Foreseen(tuple(models), calls, estimates, np.broadcast_to(ground.cost_usd[models], shape))
