"""Quality less weighted cost, for methods whose training labels know one fixed trade-off."""

import torch
from torch import Tensor


def reward(quality: Tensor, usage: Tensor, scale: Tensor, cost_weight: float) -> Tensor:
    """quality - cost_weight usage / scale; NaN where it is unknown.

    Args:
        quality: float [B, A].
        usage: float [B, A]; not looked at if costs weigh nothing.
        scale: float scalar, the usage that weighs 1; the priciest arm's mean.
        cost_weight: what a cost of 1 takes away.

    >>> reward(torch.tensor([[1.0]]), torch.tensor([[2.0]]), torch.tensor(4.0), 0.5).item()
    0.75
    """
    return quality if cost_weight == 0 else quality - cost_weight * usage / scale


def require_usage(usage_mean: Tensor, cost_weight: float, row: str) -> None:
    """Refuse to weigh costs that are unknown; usage_mean (A,).

    Raises:
        ValueError: costs weigh something and an arm's mean is NaN.
    """
    if cost_weight != 0 and usage_mean.isnan().any():
        raise ValueError(
            f"{row} was asked to weigh cost by {cost_weight} and some arm's usage is unknown: weigh it by 0"
        )


def best_arms(value: Tensor) -> Tensor:
    """1 for every arm whose reward is the row's best, else 0; ties share the label. (B, A) -> (B, A).

    An unknown arm is never the best, and a row that knows nothing has no best.

    >>> best_arms(torch.tensor([[1.0, 1.0, 0.0], [0.2, float("nan"), 0.1]])).tolist()
    [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    """
    known = ~value.isnan()
    filled = value.nan_to_num(-torch.inf)
    return ((filled == filled.amax(dim=1, keepdim=True)) & known).float()
