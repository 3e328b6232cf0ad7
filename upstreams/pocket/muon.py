"""Muon: momentum whose update of each matrix is made orthogonal; tiny models learn in about half the steps of AdamW."""

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim import Optimizer

STEPS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon(Optimizer):
    """Orthogonalised momentum in float32; torch.optim.Muon works in bfloat16, which few CPUs multiply fast.

    Args:
        matrices: parameters of two dimensions, not embeddings.
        lr: of an update whose entries have the size that AdamW's have.
        momentum: of the running mean of gradients.

    Source: Jordan et al. 2024, Muon: an optimizer for hidden layers in neural networks; the scale is that of
    Liu et al. 2025, Muon is scalable for LLM training (arXiv 2502.16982), section 2.2.
    """

    def __init__(self, matrices: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(list(matrices), {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every matrix that has a gradient."""
        for group in self.param_groups:
            for matrix in group["params"]:
                mean = self.state[matrix].setdefault("mean", torch.zeros_like(matrix))
                mean.lerp_(matrix.grad, 1 - group["momentum"])
                ahead = matrix.grad.lerp(mean, group["momentum"])  # Nesterov
                matrix.add_(orthogonal(ahead), alpha=-group["lr"] * 0.2 * max(matrix.shape) ** 0.5)


def orthogonal(matrix: Tensor) -> Tensor:
    """Nearly U V' of a matrix U S V', (m, n) -> (m, n): its singular values become 0.7 to 1.2.

    >>> orthogonal(torch.diag(torch.tensor([5.0, 0.5]))).diagonal()
    tensor([0.7020, 0.7087])
    """
    tall = matrix.shape[0] > matrix.shape[1]
    wide: Tensor = matrix.T if tall else matrix
    wide = wide / (torch.linalg.matrix_norm(wide) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(STEPS):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if tall else wide
