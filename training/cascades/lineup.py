"""Which models a cascade goes through, where no signal says so, and one model by itself as a policy."""

from dataclasses import replace

import numpy as np

from anabranch.routers.deferral.threshold_chain import NO_SIGNAL, ThresholdChain
from anabranch.training.cascades.chains import Models, rising_models
from anabranch.training.cascades.recipe import Ground


def lineup(ground: Ground, most: int) -> Models:
    """Models from cheap to dear, each better on average than all that cost no more; see `rising_models`.

    Raises:
        ValueError: `most` is below 2, or a cost is unknown.
    """
    known = ground.table.with_signal(NO_SIGNAL, np.zeros(ground.table.quality.shape))
    return rising_models(replace(ground, table=known), NO_SIGNAL, most)


def alone(model: int) -> ThresholdChain:
    """One call of one model."""
    return ThresholdChain((model,), (), NO_SIGNAL)
