"""Ask several models; votes of models whose votes foretell the others' count more."""

from dataclasses import dataclass

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.isp import ISP as Fuser
from anabranch.training.after.agreement import agreement
from anabranch.training.after.agreement import choices as choices_of
from anabranch.training.after.votes import VotesAmong


@dataclass(frozen=True)
class ISP(VotesAmong):
    """Inverse surprising popularity: the count of an answer, less what the other models' other answers foretell.

    Its table, how often models agree, needs no labels; which sets of models are kept does. It differs from a majority
    where there are few answers to choose from.
    """

    source = "Ai et al. 2025, arXiv 2510.01499"
    specification = "secondary"

    def fuser(self, table: ReplayTable) -> Fuser:
        """See `Votes`."""
        return fitted(table, self.choices)


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
