"""The nearest training prompts, and how much each of them counts."""

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding as rows_at

NeighbourWeights = Literal["triangular", "uniform"]

TIES = 32
"""Rows looked up beyond the neighbours, so that those that tie with the last one are treated alike."""


class Neighbours(NamedTuple):
    """Rows of an index near each of B prompts.

    Args:
        row: int64 [B, K], their places.
        weight: float [B, K], not normalised; 0 beyond the neighbours, and all 0 where nothing tells rows apart.
    """

    row: Tensor
    weight: Tensor

    def sum(self, values: Tensor, power: int = 1) -> Tensor:
        """Weighted sums of columns (N, C) over the neighbours, the weights to a power; (B, C)."""
        # only the rows that count are read: an index of 50,000 would otherwise cost as much as the encoder
        return (self.weight.unsqueeze(1) ** power @ rows_at(self.row, values)).squeeze(1)


def nearest(embedding: Tensor, index: Tensor, k: int, kind: NeighbourWeights) -> Neighbours:
    """The k nearest rows and some more.

    Triangular weights fall to zero at the (k + 1)-th neighbour, so they are continuous: rounding cannot swap a whole
    neighbour in or out, and the graph agrees with training. Uniform weights are 1, and ties at the k-th all count.
    Where a prompt is equally near to everything that is looked up, as an empty one is, nothing counts: which rows a
    runtime lists first must not matter.

    Args:
        embedding: float [B, D], unit rows.
        index: float [N, D], unit rows, no two equal (see `distinct`); N at least 1.
        k: neighbours.
        kind: of the weights.

    >>> index = torch.tensor([[0.6, 0.8], [1.0, 0.0], [0.0, 1.0]])
    >>> nearest(torch.tensor([[1.0, 0.0]]), index, 1, "uniform").sum(torch.tensor([[5.0], [6.0], [7.0]])).tolist()
    [[6.0]]
    """
    last = k if kind == "uniform" else k + 1
    looked_up = min(last + TIES, len(index))
    similarity, row = (embedding @ index.T).topk(looked_up, dim=1)
    edge = similarity[:, min(last, looked_up) - 1].unsqueeze(1)  # (B, 1)
    # the small constant keeps rows of equal similarity at equal weight
    weight = (similarity >= edge).to(similarity.dtype) if kind == "uniform" else (similarity - edge + 1e-5).relu()
    if looked_up < len(index):
        told_apart = similarity[:, :1] - similarity[:, -1:] > 1e-6
        weight = weight * told_apart.to(weight.dtype)
    return Neighbours(row, weight)


def distinct(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The rows (N, D) that differ, and which of them each row is (N,).

    >>> distinct(torch.tensor([[1.0], [0.0], [1.0]]))
    (tensor([[0.],
            [1.]]), tensor([1, 0, 1]))
    """
    kept, place = torch.unique(rows, dim=0, return_inverse=True)
    return kept, place
