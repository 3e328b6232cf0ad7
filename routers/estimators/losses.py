"""Losses over tables with unknown cells."""

from torch import Tensor
from torch.nn import functional


def masked_mean(loss: Tensor, known: Tensor) -> Tensor:
    """The mean of the known cells, 0 if there is none; loss and known (B, A) -> scalar."""
    return (loss * known).sum() / known.sum().clamp(min=1)


def masked_bce(logits: Tensor, quality: Tensor) -> Tensor:
    """Binary cross-entropy against soft labels in [0, 1]; NaN cells count for nothing. (B, A) -> scalar.

    >>> import torch
    >>> round(float(masked_bce(torch.zeros(1, 2), torch.tensor([[1.0, float("nan")]]))), 4)
    0.6931
    """
    known = ~quality.isnan()
    loss = functional.binary_cross_entropy_with_logits(logits, quality.nan_to_num(0.0), reduction="none")
    return masked_mean(loss, known)


def masked_relative_mse(relative: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Squared error in units of each arm's scale; a NaN target or scale counts for nothing.

    Args:
        relative: float [B, A], usage in units of `scale`.
        target: float [B, A], usage.
        scale: float [A].

    >>> import torch
    >>> relative, target = torch.tensor([[1.0, 1.0]]), torch.tensor([[6.0, float("nan")]])
    >>> float(masked_relative_mse(relative, target, torch.tensor([4.0, float("nan")])))
    0.25
    """
    known = ~(target.isnan() | scale.isnan())
    error = relative - target.nan_to_num(0.0) / scale.nan_to_num(1.0).clamp(min=1e-12)
    return masked_mean(error**2, known)
