"""Multidimensional item response."""

from torch import Tensor, nn
from torch.nn import functional


class MultidimensionalItemResponse(nn.Module):
    """Log odds a(e) . ability_m - b(e): what a prompt asks of each ability, and how hard it is (two-parameter MIRT).

    Discrimination a = softplus(A e) is positive, so that more ability never hurts.

    Args:
        width: D.
        factors: F, abilities.
    """

    def __init__(self, width: int, factors: int) -> None:
        super().__init__()
        self.discrimination = nn.Linear(width, factors, bias=False)
        self.difficulty = nn.Linear(width, 1, bias=False)

    def forward(self, embedding: Tensor, ability: Tensor) -> Tensor:
        """Log odds of a right answer; embedding (B, D), ability (A, F) -> (B, A)."""
        discrimination = functional.softplus(self.discrimination(embedding))  # (B, F)
        difficulty: Tensor = self.difficulty(embedding)  # (B, 1)
        return discrimination @ ability.T - difficulty
