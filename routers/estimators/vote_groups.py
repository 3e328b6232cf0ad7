"""Votes on training prompts laid out by the pair of arms they are between, for sums under weights of the prompts."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

GROUP = 8
"""Votes summed at once: more make fewer sums, and more empty places where a pair's votes do not fill its last group."""


class PairVotes(NamedTuple):
    """V sums of votes, each on one prompt between two arms.

    Attributes:
        row: int64 [V], the prompt.
        first: int64 [V], the arm of the lower number.
        second: int64 [V], the other arm.
        won: float32 [V, 2], the weight of the votes for the first arm and for the second.
    """

    row: Tensor
    first: Tensor
    second: Tensor
    won: Tensor

    @classmethod
    def of(cls, row: Tensor, wins: Tensor) -> Self:
        """Those of prompts `row` [B] with `wins` [B, A, A], see `Batch`.

        >>> votes = PairVotes.of(torch.tensor([7]), torch.tensor([[[0.0, 0.0], [2.0, 0.0]]]))
        >>> votes.row.tolist(), votes.won.tolist()
        ([7], [[0.0, 2.0]])
        """
        cast = (wins + wins.transpose(1, 2)).triu(diagonal=1) > 0
        place, first, second = cast.nonzero(as_tuple=True)
        won = torch.stack([wins[place, first, second], wins[place, second, first]], dim=1)
        return cls(row[place].cpu(), first.cpu(), second.cpu(), won.cpu())

    def cells(self, arms: int) -> Tensor:
        """Where both weights lie in a flat table of wins, int64 [V, 2]."""
        return torch.stack([self.first * arms + self.second, self.second * arms + self.first], dim=1)


class VoteGroups(NamedTuple):
    """Votes in groups of `GROUP`, each between one pair of arms; empty places weigh nothing.

    Attributes:
        row: int64 [R], the prompt of each place, -1 if it is empty; R is a multiple of `GROUP`.
        won: float32 [2, R], the weights as in `PairVotes`.
        cell: int64 [2, R / GROUP], where a group's two sums belong in a flat table of wins.
    """

    row: Tensor
    won: Tensor
    cell: Tensor


def grouped(votes: PairVotes, arms: int) -> VoteGroups:
    """The same votes in groups; in what order they were cast makes no difference."""
    cells = votes.cells(arms)  # (V, 2)
    order = votes.row.argsort(stable=True)
    order = order[cells[order, 0].argsort(stable=True)]
    _, pair, count = torch.unique_consecutive(cells[order, 0], return_inverse=True, return_counts=True)
    groups = -(-count // GROUP)
    begin, begin_padded = count.cumsum(0) - count, (groups.cumsum(0) - groups) * GROUP
    place = begin_padded[pair] + torch.arange(len(order)) - begin[pair]  # (V,)
    places = int(groups.sum()) * GROUP
    row = torch.full((places,), -1).scatter(0, place, votes.row[order])
    won = torch.zeros(2, places)
    won[:, place] = votes.won[order].T
    return VoteGroups(row, won, cells[order][begin].repeat_interleave(groups, dim=0).T.contiguous())


def weighted_wins(weight: Tensor, won: Tensor, cell: Tensor, arms: int) -> Tensor:
    """Wins under weights of the places, (B, R) -> (B, A, A).

    Args:
        weight: float [B, R].
        won: as in `VoteGroups`.
        cell: as in `VoteGroups`.
        arms: A.

    >>> votes = PairVotes.of(torch.tensor([0]), torch.tensor([[[0.0, 1.0], [2.0, 0.0]]]))
    >>> row, won, cell = grouped(votes, arms=2)
    >>> weighted_wins(torch.full((1, GROUP), 10.0), won, cell, arms=2).tolist()
    [[[0.0, 10.0], [20.0, 0.0]]]
    """
    rows, groups = weight.shape[0], cell.shape[1]
    sums = (weight.reshape(rows, 1, groups, GROUP) * won.reshape(2, groups, GROUP)).sum(dim=3)  # (B, 2, G)
    wins = torch.zeros(rows, arms * arms, device=weight.device, dtype=weight.dtype)
    wins = wins.scatter_add(1, cell.flatten().expand(rows, -1), sums.flatten(1))
    return wins.reshape(rows, arms, arms)
