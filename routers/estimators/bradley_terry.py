"""Strengths of arms from who beat whom."""

import torch
from torch import Tensor


def bradley_terry(wins: Tensor, steps: int, prior: float) -> Tensor:
    """Centred log-strengths from weighted win counts, by Newman's updates (2023, arXiv 2207.00076), damped.

    Args:
        wins: float [B, A, A], weight of the row's wins over the column.
        steps: updates.
        prior: ties added to every pair, as a share of the mean weight a pair.

    Returns:
        Tensor: float [B, A], mean 0 a row; P(a beats b) = sigmoid(s_a - s_b).

    >>> wins = torch.tensor([[[0.0, 3.0], [1.0, 0.0]]])
    >>> strength = bradley_terry(wins, steps=50, prior=0.0)[0]
    >>> round(float((strength[0] - strength[1]).exp()), 3)
    3.0
    """
    arms = wins.shape[1]
    other = 1 - torch.eye(arms, device=wins.device)
    wins = wins / wins.mean(dim=(1, 2), keepdim=True).clamp(min=1e-12)
    wins = (wins + prior) * other
    strength = torch.ones_like(wins[:, 0])
    for _ in range(steps):
        shared = wins / (strength.unsqueeze(2) + strength.unsqueeze(1))  # (B, A, A), the row's wins
        earned = (shared @ strength.unsqueeze(2)).squeeze(2)
        # a pair's two strengths add up to the same from either side, so that the columns are the losses
        ratio = earned / shared.sum(dim=1).clamp(min=1e-12)
        # all arms move at once, so each goes half way in log strength, or pairs would swing
        strength = (strength * ratio).sqrt()
    # a step scales as its strengths do, so they stay in range and are centred once; an arm without wins is at 0
    log = strength.clamp(min=1e-30).log()
    return log - log.mean(dim=1, keepdim=True)
