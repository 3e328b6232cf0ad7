"""Utility of training cells at drawn trade-offs: the part that routers conditioned on the trade-off share."""

import math

import torch
from torch import Tensor, nn

from anabranch.routers.estimators.collected import ArmMean
from anabranch.routers.estimators.estimator import Batch
from anabranch.routers.estimators.losses import masked_mean
from anabranch.routers.policies.argmax_utility import ODDS


def set_usage(mean: ArmMean, usage: Tensor, row: str) -> None:
    """Take each arm's mean of usage (N, A); the priciest is the unit of cost.

    Raises:
        ValueError: some arm's usage is unknown, so there is nothing to trade off.
    """
    mean.set(usage)
    if mean.mean.isnan().any():
        raise ValueError(f"{row} trades quality against usage and some arm's usage is unknown: use mlp")


def required(tradeoff: Tensor | None, row: str) -> Tensor:
    """The trade-off, if there is one.

    Raises:
        ValueError: there is none.
    """
    if tradeoff is None:
        raise ValueError(f"{row} needs a trade-off a row: its score depends on it")
    return tradeoff


def scaled(tradeoff: Tensor) -> Tensor:
    """Log odds of the trade-off, 1 at the quality end and -1 at the cost end of the policy's range; (B,) -> (B,)."""
    odds = ((1 - tradeoff) / tradeoff.clamp(min=1e-6)).clamp(ODDS[1], ODDS[0])
    return 1 - 2 * (odds / ODDS[1]).log() / math.log(ODDS[0] / ODDS[1])


def unscaled(spot: Tensor) -> Tensor:
    """The trade-off at a scaled log odds in [-1, 1]; (B,) -> (B,)."""
    odds = ODDS[1] * (math.log(ODDS[0] / ODDS[1]) * (1 - spot) / 2).exp()
    return 1 / (1 + odds)


def score_network(width: int, arms: int, hidden: int) -> nn.Sequential:
    """Two hidden layers from embedding and scaled trade-off to a score an arm; (B, D + 1) -> (B, A)."""
    return nn.Sequential(
        nn.Linear(width + 1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, arms)
    )


def with_tradeoff(embedding: Tensor, tradeoff: Tensor) -> Tensor:
    """The scaled trade-off behind each row; (B, D), (B,) -> (B, D + 1)."""
    return torch.cat([embedding, scaled(tradeoff).unsqueeze(1)], dim=1)


def drawn_tradeoffs(rows: int, draws: torch.Generator | None) -> Tensor:
    """One trade-off a row: drawn in training, spread evenly over the scale if there is nothing to draw from; (B,)."""
    spot = torch.linspace(0, 1, rows) if draws is None else torch.rand(rows, generator=draws)
    return unscaled(2 * spot - 1)


def utility(batch: Batch, tradeoff: Tensor, usage_mean: Tensor) -> Tensor:
    """t q - (1 - t) c / scale, the scale being the priciest arm's mean usage; -inf where a cell is unknown.

    Args:
        batch: quality and usage [B, A].
        tradeoff: float [B].
        usage_mean: float [A], each arm's mean usage.
    """
    known = ~(batch.quality.isnan() | batch.usage.isnan())
    weight = tradeoff.unsqueeze(1)
    cost = batch.usage.nan_to_num(0.0) / usage_mean.max()
    value = weight * batch.quality.nan_to_num(0.0) - (1 - weight) * cost  # (B, A)
    return value.masked_fill(~known, -torch.inf)


def expected_regret(score: Tensor, value: Tensor) -> Tensor:
    """Mean of sum_a softmax(score)_a (U* - U_a) over rows that know an arm; (B, A), (B, A) -> scalar.

    >>> round(float(expected_regret(torch.zeros(1, 2), torch.tensor([[0.5, 0.1]]))), 4)
    0.2
    """
    known = value.isfinite()
    regret = (value.amax(dim=1, keepdim=True) - value).masked_fill(~known, 0.0)
    share = score.masked_fill(~known, -1e9).softmax(dim=1)
    return masked_mean(share * regret, known.any(dim=1, keepdim=True))
