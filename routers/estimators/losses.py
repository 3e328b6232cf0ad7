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


def masked_relative_mse(usage: Tensor, target: Tensor, scale: Tensor) -> Tensor:
    """Squared error in units of each arm's scale; NaN targets count for nothing. (B, A), (B, A), (A,) -> scalar."""
    known = ~target.isnan()
    error = (usage - target.nan_to_num(0.0)) / scale.nan_to_num(1.0).clamp(min=1e-12)
    return masked_mean(error.nan_to_num(0.0) ** 2, known)
