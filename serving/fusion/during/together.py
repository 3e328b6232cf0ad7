"""All models are asked at each step, and what they say is merged."""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added, added
from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.union_map import UnionMap


class Merge(Protocol):
    """What models say, in one table."""

    def __call__(self, said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
        """The table of n texts.

        Args:
            said: M, log-probabilities (n, V of the model).
            union: of the M vocabularies.
            weights: float32 (n, M); rows sum to 1.
        """


def together(merge: Merge, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
    """What all models add to n texts, one forward of each of them; the rest is as in `Step`."""
    places = tuple(range(len(ensemble.models)))
    table = merge([ensemble.ask(place, texts) for place in places], ensemble.union, ensemble.weights(texts))
    return added(ensemble, table, texts, places)
