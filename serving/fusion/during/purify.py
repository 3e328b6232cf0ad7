"""Purifying a large model with a small clean one: their geometric mean."""

from collections.abc import Sequence
from dataclasses import dataclass

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.log_linear import log_linear
from anabranch.serving.fusion.during.step import Added, Step
from anabranch.serving.fusion.during.together import together


@dataclass(frozen=True)
class Purify(Step):
    """Average log-probabilities, so that what one model would never write is not written; for one vocabulary.

    With two models of equal weight it is CP-delta with the KL divergence.
    """

    source = "Li et al. 2024, arXiv 2402.14845"
    specification = "secondary"

    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """See `Step`."""
        return together(log_linear, ensemble, texts)
