"""Elo ratings, one battle after another."""

from math import log
from typing import NamedTuple

import torch
from torch import Tensor


class Battles(NamedTuple):
    """M battles between two arms each.

    Attributes:
        first: int64 [M], an arm.
        second: int64 [M], another.
        share: float [M], what the first won of it: 1, 0, or 0.5 for a tie.
        weight: float [M], how many votes it stands for.
    """

    first: Tensor
    second: Tensor
    share: Tensor
    weight: Tensor


def elo(battles: Battles, arms: int, k: float) -> Tensor:
    """Ratings after the battles, in the order given; all begin at 0, and the order matters. -> float64 (A,).

    The first arm is expected to win 1 / (1 + 10^((R_second - R_first) / 400)) and gains k times what it won beyond
    that; the second loses as much.

    >>> one, other = torch.tensor([0]), torch.tensor([1])
    >>> elo(Battles(one, other, torch.ones(1), torch.ones(1)), arms=2, k=32.0).tolist()
    [16.0, -16.0]
    """
    rating = [0.0] * arms
    for first, second, share, weight in zip(*(part.tolist() for part in battles), strict=True):
        expected = 1 / (1 + 10 ** ((rating[second] - rating[first]) / 400))
        step = k * weight * (share - expected)
        rating[first] += step
        rating[second] -= step
    return torch.tensor(rating, dtype=torch.float64)


def elo_strength(wins: Tensor, k: float, orders: int, seed: int) -> Tensor:
    """Log-strengths by Elo, averaged over random orders of the battles; (N, A, A) -> float32 (A,), mean 0.

    Args:
        wins: float [N, A, A], as in `Batch`; a prompt's votes on a pair are one battle.
        k: of Elo; see `elo`.
        orders: how many.
        seed: of the orders.
    """
    battles = _battles(wins)
    draws = torch.Generator().manual_seed(seed)
    shuffles = [torch.randperm(len(battles.first), generator=draws) for _ in range(orders)]
    ratings = [elo(Battles(*(part[order] for part in battles)), wins.shape[1], k) for order in shuffles]
    return (torch.stack(ratings).mean(dim=0) * log(10) / 400).float()


def _battles(wins: Tensor) -> Battles:
    weight = (wins + wins.transpose(1, 2)).triu(diagonal=1)
    prompt, first, second = weight.nonzero(as_tuple=True)
    fought = weight[prompt, first, second]
    return Battles(first, second, wins[prompt, first, second] / fought, fought)
