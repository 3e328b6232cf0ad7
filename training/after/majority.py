"""Ask several models, or one several times; the answer given most often wins."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.majority import Majority as Fuser
from anabranch.training.after.votes import votes_of
from anabranch.training.cascades.recipe import Ground


@dataclass(frozen=True)
class Majority:
    """Majority vote over sets of models, and over samples of one model, which is self-consistency.

    Equal counts go to the models that were better on the train prompts.

    Args:
        depth: the most models of a set.
        samples: of each model, besides one of each; all that are recorded if 0.
        groups: the most sets of neighbours in price, of each size.
    """

    source = "Wang et al. 2023, arXiv 2203.11171"
    specification = "memory"
    router = None
    depth: int = 4
    samples: int = 0
    groups: int = 6

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return ground

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: answers cannot be compared, one is not recorded, or a cost is unknown.
        """
        return votes_of(ground, fitted, self.depth, self.samples, self.groups)


def fitted(table: ReplayTable) -> Fuser:
    """Ties go by mean quality on these prompts."""
    quality = np.asarray(np.nanmean(table.quality, axis=(0, 2), dtype=np.float64))  # (M,)
    return Fuser(tuple(quality.tolist()))
