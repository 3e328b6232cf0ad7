"""Whether what is recorded is enough to try a policy on."""

from collections.abc import Sequence

import numpy as np

from anabranch.data.replay_table import NO_KEY
from anabranch.training.cascades.recipe import Ground


def refuse_without_keys(ground: Ground) -> None:
    """Say how answers come to be comparable, if no two of them can be compared.

    Raises:
        ValueError: no answer has a key.
    """
    if (ground.table.key == NO_KEY).all():
        raise ValueError(
            "no answer can be compared with another: say how answers are read with --answers number, mcq, text or "
            "items; they are read from recorded responses, which `anabranch data collect` keeps"
        )


def samples_of(ground: Ground, models: Sequence[int], least: int = 1) -> int:
    """How many answers each of the models has to every prompt.

    Args:
        ground: N prompts.
        models: their numbers.
        least: how many are needed.

    Raises:
        ValueError: a model has fewer.
    """
    recorded = ground.table.recorded[:, list(models)].sum(axis=2).min(axis=0)
    few = int(np.argmin(recorded))
    if recorded[few] < least:
        raise ValueError(
            f"model {ground.table.models[models[few]]!r} has {recorded[few]} answers to some prompt, and {least} to "
            f"every prompt are needed: `anabranch data collect --samples {max(least, 5)} --temperature 0.7`, or leave "
            "the model out with --models"
        )
    return int(recorded[few])
