"""Probabilities of one union of vocabularies, averaged."""

from collections.abc import Sequence

from torch import Tensor

from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.union_map import UnionMap


def linear(said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
    """The weighted mean of what models give each symbol (GaC); a model gives 0 to what it cannot write in one token.

    Source: Yu et al. 2024, arXiv 2406.12585.

    Args:
        said: M, log-probabilities (n, V of the model).
        union: of the M vocabularies.
        weights: float32 (n, M).
    """
    merged = union.merge([one.exp() for one in said], weights)
    return Table(union.symbols.expand(len(merged), -1), merged)
