"""Ask several models; votes of models whose votes foretell the others' count more."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.isp import ISP as Fuser
from anabranch.training.after.agreement import agreement
from anabranch.training.after.agreement import choices as choices_of
from anabranch.training.after.votes import votes_of
from anabranch.training.cascades.recipe import Ground


@dataclass(frozen=True)
class ISP:
    """Inverse surprising popularity: the count of an answer, less what the other models' other answers foretell.

    Its table, how often models agree, needs no labels; which sets of models are kept does. It differs from a majority
    where there are few answers to choose from.

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
    """How often models agree on these prompts; by chance, if two never both say anything.

    Args:
        table: N prompts, M models.
        choices: answers to choose from; estimated if 0.

    Raises:
        ValueError: there is one answer to choose from.
    """
    known = choices_of(table, choices)
    return Fuser(tuple(map(tuple, np.nan_to_num(agreement(table), nan=1 / known).tolist())), known)
