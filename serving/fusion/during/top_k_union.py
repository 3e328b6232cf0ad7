"""The likeliest tokens of each model, put together and averaged."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.top_k import TopK
from anabranch.serving.fusion.during.union_map import UnionMap


@dataclass(frozen=True)
class TopKUnion:
    """Each model's probabilities over the union of all models' k likeliest symbols, averaged (UniTE).

    Args:
        k: symbols of each model.
    """

    k: int = 10

    def __call__(self, said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
        """See `Merge`."""
        symbol, probability = TopK.of(said, union, weights, self.k)
        return Table(symbol, (weights[:, :, None] * probability).sum(dim=1))
