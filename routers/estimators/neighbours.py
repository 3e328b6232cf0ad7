"""How much each training prompt counts as a neighbour."""

from typing import Literal

from torch import Tensor

NeighbourWeights = Literal["triangular", "uniform"]


def neighbour_weights(similarity: Tensor, k: int, kind: NeighbourWeights) -> Tensor:
    """Weights of all rows, 0 beyond the neighbours.

    Triangular weights fall to zero at the (k + 1)-th neighbour, so they are continuous: rounding cannot swap a whole
    neighbour in or out, and the graph agrees with training. Uniform weights are 1, and ties at the k-th all count.
    Only the similarity at the edge is looked up, never which rows lie there, so rows that tie are treated alike, in
    whatever order a runtime sorts them.

    Args:
        similarity: float [B, N], N at least 1.
        k: neighbours.
        kind: of the weights.

    Returns:
        Tensor: float [B, N], not normalised.

    >>> import torch
    >>> neighbour_weights(torch.tensor([[0.9, 0.1, 0.5, 0.4]]), 2, "uniform").tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """
    near = k if kind == "uniform" else k + 1
    edge = similarity.topk(min(near, similarity.shape[1]), dim=1).values[:, -1:]  # (B, 1)
    if kind == "uniform":
        return (similarity >= edge).to(similarity.dtype)
    # the small constant keeps rows of equal similarity at equal weight
    return (similarity - edge + 1e-5).relu()
