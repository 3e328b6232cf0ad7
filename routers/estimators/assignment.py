"""Which clusters a prompt belongs to."""

import torch
from torch import Tensor

from anabranch.routers.estimators.discovered import closeness


def soft_assignment(unit: Tensor, centres: Tensor, nearest: int, sharpness: float) -> Tensor:
    """Softmax of -sharpness * distance over the nearest centres, 0 for the others; rows sum to 1.

    The distance is half the squared Euclidean one: for centres of length 1 it is the cosine distance 1 - c.e, and for
    the shorter ones of k-means it still orders centres as k-means does, which 1 - c.e would not. Centres that tie with
    the last of the nearest all count.

    Args:
        unit: float [B, D], unit rows.
        centres: float [K, D].
        nearest: clusters that count; 1 is k-means' own, hard assignment.
        sharpness: beta; 0 weighs the nearest alike.

    Returns:
        Tensor: float [B, K].

    >>> centres = torch.eye(3)
    >>> soft_assignment(torch.tensor([[0.0, 0.6, 0.8]]), centres, nearest=1, sharpness=3.0).tolist()
    [[0.0, 0.0, 1.0]]
    """
    near = closeness(unit, centres)  # (B, K), 1/2 - distance; the 1/2 is the same for all
    edge = near.topk(min(nearest, len(centres)), dim=1).values[:, -1:]  # (B, 1)
    return (sharpness * near).masked_fill(near < edge, -torch.inf).softmax(dim=1)
