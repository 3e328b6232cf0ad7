"""Shares of the arms in a prompt, from how good each was."""

import torch
from torch import Tensor

from anabranch.routers.estimators.losses import masked_mean


def soft_labels(quality: Tensor, temperature: float) -> Tensor:
    """softmax(temperature * quality) over the arms a row knows, NaN elsewhere.

    Only differences within a row matter: what makes a prompt easy for every arm is gone. The known arms share as much
    as if the others were average, so that an arm is not favoured by what is unknown of its rivals.

    Args:
        quality: float [B, A] in [0, 1]; NaN is unknown.
        temperature: what quality is multiplied by; the larger, the more the best arm gets.

    Returns:
        Tensor: float [B, A]; the known cells of a row sum to their share of the cells.

    >>> soft_labels(torch.tensor([[0.5, 0.5, float("nan"), float("nan")]]), temperature=10.0).tolist()
    [[0.25, 0.25, nan, nan]]
    """
    known = ~quality.isnan()
    share = (temperature * quality.nan_to_num(0.0)).masked_fill(~known, -torch.inf).softmax(dim=1)
    return (share * known.float().mean(dim=1, keepdim=True)).masked_fill(~known, torch.nan)


def soft_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """-sum_a label_a log softmax(logits)_a over the arms a row knows, averaged over rows that know one.

    Args:
        logits: float [B, A].
        label: float [B, A], as `soft_labels` makes them; NaN is unknown.

    >>> round(float(soft_cross_entropy(torch.zeros(1, 2), torch.tensor([[0.9, 0.1]]))), 4)  # log 2
    0.6931
    """
    known = ~label.isnan()
    chance = logits.masked_fill(~known, -1e9).log_softmax(dim=1)
    loss = -(label.nan_to_num(0.0) * chance).sum(dim=1, keepdim=True)
    return masked_mean(loss, known.any(dim=1, keepdim=True))
