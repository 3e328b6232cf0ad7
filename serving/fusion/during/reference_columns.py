"""What models give to the symbols of one of them, by what each has in their place."""

from collections.abc import Mapping

import torch
from torch import Tensor

from anabranch.serving.fusion.during.nearest import stand_ins
from anabranch.serving.fusion.during.union_map import UnionMap

TINY = torch.finfo(torch.float32).tiny


def in_columns(union: UnionMap, reference: int, place: int, said: Tensor, missing: str) -> Tensor:
    """Log-probabilities of the reference's symbols by one model, float32 (n, S); never below -87.4.

    Args:
        union: of vocabularies.
        reference: place of the model whose symbols are wanted, see `symbols_of`.
        place: of the model that said something.
        said: log-probabilities (n, V of the model).
        missing: see `stand_ins`.
    """
    given = union.given(place, said.exp())
    column = stand_ins(union, reference, place, missing)
    # no token has a chance of 0, which would forbid it however little the model counts
    return given[:, column.clamp(max=union.end)].masked_fill(column > union.end, 0.0).clamp(min=TINY).log()


def mixed(union: UnionMap, reference: int, said: Mapping[int, Tensor], weights: Tensor, missing: str) -> Tensor:
    """The weighted mean of models' log-probabilities of the reference's symbols, float32 (n, S).

    Args:
        union: of vocabularies.
        reference: place of the model whose symbols are wanted.
        said: log-probabilities (n, V) of models by their places.
        weights: (n, M).
        missing: see `stand_ins`.
    """
    shares = [
        weights[:, place, None] * in_columns(union, reference, place, each, missing) for place, each in said.items()
    ]
    return torch.stack(shares).sum(dim=0)
