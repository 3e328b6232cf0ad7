"""Ask several models; votes of better models count more."""

from dataclasses import dataclass

import numpy as np

from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.routers.deferral.weighted_vote import WeightedVote as Fuser
from anabranch.routers.deferral.weighted_vote import optimal_weight
from anabranch.training.after.agreement import choices as choices_of
from anabranch.training.after.votes import VotesAmong


@dataclass(frozen=True)
class WeightedVote(VotesAmong):
    """Vote over sets of models, each vote counting the log-odds that its model is right; OW in its paper.

    A model no better than chance counts 0. Samples of one model count as if they erred independently.
    """

    source = "Ai et al. 2025, arXiv 2510.01499"
    specification = "secondary"

    def fuser(self, table: ReplayTable) -> Fuser:
        """See `Votes`."""
        return fitted(table, self.choices)


def fitted(table: ReplayTable, choices: int = 0) -> Fuser:
    """The weights of models that are as good as on these prompts where they say anything.

    Args:
        table: N prompts, M models.
        choices: answers to choose from; estimated if 0.

    Raises:
        ValueError: there is one answer to choose from.
    """
    known = choices_of(table, choices)
    return Fuser(tuple(_weight(table, model, known) for model in range(len(table.models))))


def _weight(table: ReplayTable, model: int, choices: float) -> float:
    quality = table.quality[:, model]
    said = quality[(table.key[:, model] != NO_KEY) & ~np.isnan(quality)]
    if not len(said):
        return 0.0
    # n answers cannot tell a chance nearer to 0 or 1 than 1 / n
    least = 1 / max(len(said), 2)
    return optimal_weight(float(np.clip(said.mean(dtype=np.float64), least, 1 - least)), choices)
