"""Chains of two models, the second called where the first one's confidence is low."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chances import CHANCE, with_chance
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.escalation import escalation
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.replay.two_stage import ROUNDING


@dataclass(frozen=True)
class Confidence:
    """Chow's rule: keep an answer that is likely enough to be right, else call one dearer model.

    Under each budget the best pair of models at its best threshold, or one model alone. It is enough where the dearer
    model errs about equally on all prompts.

    Args:
        signal: how sure an answer looks.
        form: of the maps from the signal to the chance of being right.
        budgets: how many to fit at.
    """

    source = "Chow 1970, doi 10.1109/TIT.1970.1054406; Jitkrittum et al. 2023, arXiv 2307.02764"
    specification = "secondary"
    router = None
    signal: str = "logprob_mean"
    form: Form = "isotonic"
    budgets: int = 12

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return with_chance(ground, self.signal, self.form)

    def policies(self, ground: Ground) -> Iterator[ThresholdChain]:
        """See `CascadeRecipe`."""
        budgets = budgets_of(ground, self.budgets) * (1 + ROUNDING)
        found = escalation(ground.table, CHANCE, seed=ground.seed)
        for envelope in (found.singles, found.envelope):
            places = np.unique(np.searchsorted(envelope.cost_usd, budgets, side="right"))
            yield from (envelope.chain[place - 1] for place in places if place)
