"""All models are asked at each step, and what they say is merged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, added
from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.sampling import Sampling


class Merge(Protocol):
    """What models say, in one table."""

    def __call__(self, said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
        """The table of n texts.

        Args:
            said: M, log-probabilities (n, V of the model).
            union: of the M vocabularies.
            weights: float32 (n, M); rows sum to 1.
        """


@dataclass(frozen=True)
class Together:
    """One forward of every model a step.

    Args:
        merge: of what they say.
    """

    merge: Merge

    def __call__(
        self, ensemble: Ensemble, texts: Sequence[Text], weights: Tensor, sampling: Sequence[Sampling]
    ) -> list[Added]:
        """See `Step`."""
        places = tuple(range(len(ensemble.models)))
        table = self.merge([ensemble.ask(place, texts) for place in places], ensemble.union, weights)
        return added(ensemble, *table.chosen(sampling), places)
