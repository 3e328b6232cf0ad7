"""Pooling: the embeddings of a text's tokens to one; padding never counts, and no tokens pool to zero."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn


def cls(hidden: Tensor, mask: Tensor) -> Tensor:
    """The first token's; hidden (B, S, D), mask (B, S) of zeros after ones -> (B, D)."""
    return hidden[:, 0] * mask[:, :1]


def maximum(hidden: Tensor, mask: Tensor) -> Tensor:
    """The largest of each dimension; hidden (B, S, D), mask (B, S) -> (B, D)."""
    kept = hidden.masked_fill(mask.unsqueeze(-1) == 0, torch.finfo(hidden.dtype).min)
    return kept.amax(dim=1) * (mask.sum(dim=1, keepdim=True) > 0)


def mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The average; hidden (B, S, D), mask (B, S) -> (B, D).

    >>> mean(torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[1, 1, 0]])).tolist()
    [[3.0]]
    """
    return _total(hidden, mask) / mask.sum(dim=1, keepdim=True).clamp(min=1)


def mean_sqrt_len(hidden: Tensor, mask: Tensor) -> Tensor:
    """The sum over the square root of the count; hidden (B, S, D), mask (B, S) -> (B, D)."""
    return _total(hidden, mask) / mask.sum(dim=1, keepdim=True).clamp(min=1).to(hidden.dtype).sqrt()


def weighted_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """The average with weights 1, 2, 3, ...; hidden (B, S, D), mask (B, S) -> (B, D).

    Source: Muennighoff 2022, SGPT (arXiv 2202.08904), eq. 2.
    """
    weights = mask.cumsum(dim=1) * mask  # (B, S)
    return _total(hidden, weights) / weights.sum(dim=1, keepdim=True).clamp(min=1)


def last_token(hidden: Tensor, mask: Tensor) -> Tensor:
    """The last token's; hidden (B, S, D), mask (B, S) of zeros after ones -> (B, D)."""
    positions = mask.cumsum(dim=1) * mask
    is_last = (positions == mask.sum(dim=1, keepdim=True)) & (mask > 0)  # (B, S)
    return _total(hidden, is_last)


def _total(hidden: Tensor, weights: Tensor) -> Tensor:
    return (hidden * weights.unsqueeze(-1).to(hidden.dtype)).sum(dim=1)


POOLINGS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": cls,
    "max": maximum,
    "mean": mean,
    "mean_sqrt_len_tokens": mean_sqrt_len,
    "weightedmean": weighted_mean,
    "lasttoken": last_token,
}


class Pooling(nn.Module):
    """One or several poolings, concatenated.

    Args:
        modes: keys of `POOLINGS`, in the order of concatenation.

    Raises:
        ValueError: an unknown mode, or none.

    >>> Pooling(["mean", "max"])(torch.tensor([[[2.0], [4.0]]]), torch.tensor([[1, 1]])).tolist()
    [[3.0, 4.0]]
    """

    def __init__(self, modes: Sequence[str]) -> None:
        super().__init__()
        unknown = sorted(set(modes) - set(POOLINGS))
        if unknown or not modes:
            raise ValueError(f"unknown pooling {unknown or modes}; known poolings: {', '.join(POOLINGS)}")
        self.modes = tuple(modes)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Pooled; hidden (B, S, D), mask (B, S) int64 -> (B, M * D) for M modes."""
        return torch.cat([POOLINGS[mode](hidden, mask) for mode in self.modes], dim=-1)

    def extra_repr(self) -> str:
        """The modes."""
        return ", ".join(self.modes)
