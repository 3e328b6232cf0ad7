"""Ask several models, or one several times; the answer given most often wins."""

from dataclasses import dataclass

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.majority import Majority as Fuser
from anabranch.training.after.votes import Votes


@dataclass(frozen=True)
class Majority(Votes):
    """Majority vote over sets of models, and over samples of one model, which is self-consistency.

    Equal counts go to the models that were better on the train prompts.
    """

    source = "Wang et al. 2023, arXiv 2203.11171"
    specification = "memory"

    def fuser(self, table: ReplayTable) -> Fuser:
        """See `Votes`."""
        return fitted(table)


def fitted(table: ReplayTable) -> Fuser:
    """Ties go by mean quality on these prompts."""
    quality = np.asarray(np.nanmean(table.quality, axis=(0, 2), dtype=np.float64))  # (M,)
    return Fuser(tuple(quality.tolist()))
