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
        # difficulty is the last row: a product with one row alone rounds by where it lies in memory
        self.asked = nn.Linear(width, factors + 1, bias=False)

    def forward(self, embedding: Tensor, ability: Tensor) -> Tensor:
        """Log odds of a right answer; embedding (B, D), ability (A, F) -> (B, A)."""
        asked: Tensor = self.asked(embedding)  # (B, F + 1)
        return functional.softplus(asked[:, :-1]) @ ability.T - asked[:, -1:]
