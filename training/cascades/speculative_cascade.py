"""Chains of two models that call both at once where the second one will probably be needed."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anabranch.routers.deferral.deferral import Deferral
from anabranch.training.cascades.confidence import Confidence
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.sureness import LearnsSureness
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.replay.speculation import speculating, usual_latency
from anabranch.training.scorers.answer_scorer_fit import SCORER

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SpeculativeCascade(LearnsSureness):
    """The chains and single models of `confidence`, but the second model does not wait where that is worth its bill.

    It answers as they do; what changes is when models are called, so it is sooner and dearer. How likely an answer is
    kept is foretold from the router's estimate of the small model, and calls take as long as they did when they were
    recorded, which may be longer than they do in your serving, or shorter. Budgets are those of the chains: a bill of
    what was called in vain comes on top. Where the first model answers, the other call is not ended, but waited for
    and paid; that wait counts against calling early.

    Args:
        router: whose estimates tell whether the second model will be needed.
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal.
        form: of the maps from the signal to the chance of being right, and from estimates to that of being kept.
        budgets: how many to fit at.
        usd_per_s: what a second of waiting is worth, 3.60 USD an hour unless you say otherwise; with 0 it never calls
            early.
    """

    source = "ours"
    specification = "ours"
    router: str = "kernel-ridge"
    signal: str = SCORER
    form: Form = "isotonic"
    budgets: int = 12
    usd_per_s: float = 0.001

    def __post_init__(self) -> None:
        if not 0 <= self.usd_per_s < np.inf:
            raise ValueError(f"usd_per_s {self.usd_per_s}: a second is worth a finite sum, 0 or more; 0 is a chain")

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: an answer is missing, or a cost is unknown.
        """
        untimed = np.isnan(usual_latency(ground.table))
        if self.usd_per_s > 0 and untimed.any():
            names = ", ".join(name for name, unknown in zip(ground.table.models, untimed, strict=True) if unknown)
            log.warning("nobody recorded how long calls of %s take: chains with them call nothing early", names)
        for chain in Confidence(budgets=self.budgets).policies(ground):
            yield speculating(chain, ground.table, ground.estimates, self.usd_per_s, self.form, seed=ground.seed)
