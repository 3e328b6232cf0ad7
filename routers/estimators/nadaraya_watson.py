"""Kernel regression on one number."""

import torch
from torch import Tensor, nn


class NadarayaWatson(nn.Module):
    """Average the values of the points near a number, by a Gaussian kernel.

    Args:
        targets: A, values a point.
        bandwidth: standard deviation of the kernel; chosen by leave-one-out if None.

    >>> regression = NadarayaWatson(1, bandwidth=1.0)
    >>> regression.fit(torch.tensor([0.0, 2.0]), torch.tensor([[0.6], [0.8]]))
    >>> round(float(regression(torch.tensor([1.0]))), 3)
    0.7
    """

    point: Tensor
    value: Tensor
    width: Tensor

    def __init__(self, targets: int, bandwidth: float | None = None) -> None:
        super().__init__()
        self.bandwidth = bandwidth
        self.register_buffer("point", torch.zeros(0))
        self.register_buffer("value", torch.zeros(0, targets))  # NaN is unknown
        self.register_buffer("width", torch.ones(()))

    def fit(self, point: Tensor, value: Tensor) -> None:
        """Keep points (P,) and their values (P, A), NaN where unknown."""
        self.point, self.value = point, value
        self.width = torch.tensor(self.bandwidth or best_bandwidth(point, value))

    def forward(self, at: Tensor) -> Tensor:
        """Values at (B,) -> (B, A); NaN for a target that no point knows."""
        return _mean(_kernel(at, self.point, self.width).softmax(dim=1), self.value)


def best_bandwidth(point: Tensor, value: Tensor) -> float:
    """The bandwidth among 0.01, 0.02, ... 1.28 by which points predict each other best; 1.28 for a single point."""
    widths = [0.01 * 2.0**step for step in range(8)]
    itself = torch.eye(len(point), dtype=torch.bool)

    def error(width: float) -> float:
        weight = _kernel(point, point, torch.tensor(width)).masked_fill(itself, -torch.inf).softmax(dim=1)
        return float(((_mean(weight, value) - value) ** 2).nanmean())

    # of equals the widest, which says the least about places between points
    return min(reversed(widths), key=error) if len(point) > 1 else widths[-1]


def _kernel(at: Tensor, point: Tensor, width: Tensor) -> Tensor:
    """Log of the kernel; (B,), (P,) -> (B, P)."""
    return -((at.unsqueeze(1) - point) ** 2) / (2 * width**2)


def _mean(weight: Tensor, value: Tensor) -> Tensor:
    """Weighted mean of known values; (B, P), (P, A) -> (B, A)."""
    known = (~value.isnan()).to(weight.dtype)
    return weight @ value.nan_to_num(0.0) / (weight @ known)
