"""Ask several models; votes of better models count more."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.weighted_vote import WeightedVote as Fuser
from anabranch.routers.deferral.weighted_vote import optimal_weight
from anabranch.training.after.agreement import choices as choices_of
from anabranch.training.after.votes import votes_of
from anabranch.training.cascades.recipe import Ground


@dataclass(frozen=True)
class WeightedVote:
    """Vote over sets of models, each vote counting the log-odds that its model is right; OW in its paper.

    A model no better than chance counts 0. Samples of one model count as if they erred independently.

    Args:
        depth: the most models of a set.
        samples: of each model, besides one of each; all that are recorded if 0.
        groups: the most sets of neighbours in price, of each size.
        choices: how many answers a prompt has to choose from, 4 for letters A to D; estimated from how often wrong
            answers are the same if 0.
    """

    source = "Ai et al. 2025, arXiv 2510.01499"
    specification = "secondary"
    router = None
    depth: int = 4
    samples: int = 0
    groups: int = 6
    choices: int = 0

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return ground

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: answers cannot be compared, one is not recorded, or a cost is unknown.
        """
        return votes_of(ground, partial(fitted, choices=self.choices), self.depth, self.samples, self.groups)


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
