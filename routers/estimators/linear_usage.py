"""Usage linear in the embedding."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimators.linear import solve_ridge, with_constant


class LinearUsage(nn.Module):
    """Usage by one ridge regression an arm, never below 0: for estimators whose own formula speaks of quality alone.

    Args:
        width: D.
        arms: A.
        l2: strength of the shrinkage.

    >>> usage = LinearUsage(1, 1, l2=2.0)
    >>> usage.set(torch.tensor([[-1.0], [1.0]]), torch.tensor([[1.0], [3.0]]))
    >>> [round(x, 3) for x in usage(torch.tensor([[0.0], [1.0], [-9.0]])).flatten().tolist()]
    [2.0, 2.5, 0.0]
    """

    weight: Tensor

    def __init__(self, width: int, arms: int, *, l2: float) -> None:
        super().__init__()
        self.l2 = l2
        self.register_buffer("weight", torch.zeros(width + 1, arms))

    def set(self, embedding: Tensor, usage: Tensor) -> None:
        """Fit embeddings (N, D) to usage (N, A); an arm whose usage is never known stays unknown, NaN."""
        self.weight = solve_ridge(embedding, usage, self.l2).weight.float()

    def forward(self, embedding: Tensor) -> Tensor:
        """Usage; (B, D) -> (B, A)."""
        return (with_constant(embedding) @ self.weight).clamp(min=0.0)
