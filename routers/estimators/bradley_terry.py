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
    losses = wins.transpose(1, 2)  # (B, A, A)
    strength = torch.ones_like(wins[:, 0])
    for _ in range(steps):
        pair = strength.unsqueeze(2) + strength.unsqueeze(1)
        earned = (wins * strength.unsqueeze(1) / pair).sum(dim=2)
        ratio = earned / (losses / pair).sum(dim=2).clamp(min=1e-12)
        # all arms move at once, so each goes half way in log strength, or pairs would swing
        strength = (strength * ratio).sqrt()
        # only ratios matter; a geometric mean of 1 keeps them in range
        strength = strength / strength.clamp(min=1e-12).log().mean(dim=1, keepdim=True).exp()
    log = strength.clamp(min=1e-12).log()
    return log - log.mean(dim=1, keepdim=True)
