"""The bilinear score of an arm and a prompt, folded to one affine map: the part latent-factor routers share."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from anabranch.routers.estimators.estimator import normalised


class Bilinear(nn.Module):
    """score(m, e) = w . (v_m * (W e + b)) + c, with a latent vector v_m an arm and * taken factor by factor.

    The score is affine in e, so that the weights are multiplied out once and every row costs one product (A, D).

    Args:
        width: D.
        arms: A.
        factors: F, length of the latent vectors.
        constants: whether there are b and c.
        unit: whether v_m counts by its direction only, v_m / |v_m|.
        draws: source of the arms' first vectors.
    """

    def __init__(
        self, width: int, arms: int, factors: int, *, constants: bool, unit: bool, draws: torch.Generator
    ) -> None:
        super().__init__()
        self.unit = unit
        self.arm = nn.Parameter(torch.randn(arms, factors, generator=draws))
        self.project = nn.Linear(width, factors, bias=constants)
        self.mix = nn.Linear(factors, 1, bias=constants)

    def folded(self) -> tuple[Tensor, Tensor | None]:
        """Weight (A, D) and constant (A,) of the affine map, None without constants."""
        latent = normalised(self.arm) if self.unit else self.arm
        mixed = latent * self.mix.weight  # (A, F)
        weight = mixed @ self.project.weight  # (A, D)
        constant = None if self.mix.bias is None else mixed @ self.project.bias + self.mix.bias
        return weight, constant

    def forward(self, embedding: Tensor) -> Tensor:
        """Scores; (B, D) -> (B, A)."""
        return functional.linear(embedding, *self.folded())
