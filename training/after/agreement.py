"""How often models say the same, and how many answers there are to choose from."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from anabranch.data.replay_table import NO_KEY, ReplayTable

Bools = NDArray[np.bool_]


def agreement(table: ReplayTable) -> NDArray[np.float64]:
    """How often two answers of two models say the same, where both say anything, [M, M]; NaN if they never both do.

    Two different samples of one model are compared on the diagonal.

    >>> table = ReplayTable.from_arrays(["a", "b"], [[0, 1], [1, 1]], key=[[0, 1], [2, 2]])
    >>> agreement(table).tolist()
    [[nan, 0.5], [0.5, nan]]
    """
    models = range(len(table.models))
    counts = np.array([[[pair.sum() for pair in _pairs(table, one, other)] for other in models] for one in models])
    same, both = counts[..., 0], counts[..., 1]
    return np.asarray(np.divide(same, both, out=np.full(same.shape, np.nan), where=both > 0))


def choices(table: ReplayTable, asked: int = 0) -> float:
    """How many answers K there are to choose from: what is asked for, else what wrong answers tell.

    Where every wrong answer is as likely as any other, two wrong ones of different models are the same once in K - 1.
    One more such pair is counted, which is the same: nothing known is 2, as few as there can be.

    Args:
        table: N prompts, M models.
        asked: K, at least 2; estimated if 0.

    Raises:
        ValueError: there is nothing to choose from.

    >>> table = ReplayTable.from_arrays(["a", "b"], np.zeros((9, 2)), key=[[1, 1], [2, 2]] + [[1, 2]] * 7)
    >>> round(choices(table), 6)  # two of nine are the same: 1 + 10 / 3
    4.333333
    """
    if asked == 1 or asked < 0:
        raise ValueError(f"choices {asked}: there are at least 2 answers to choose from; 0 estimates how many")
    if asked:
        return float(asked)
    wrong = np.nan_to_num(1 - table.quality)
    found = np.ones(2)
    for one, other in combinations(range(len(table.models)), 2):
        both_wrong = wrong[:, one, :, None] * wrong[:, other, None, :]  # (N, R, R)
        found += [both_wrong[pair].sum() for pair in _pairs(table, one, other)]
    same, both = found.tolist()
    return float(1 + both / same)


def _pairs(table: ReplayTable, one: int, other: int) -> tuple[Bools, Bools]:
    """Of the answers of two models: which say the same, and which say anything, [N, R, R]."""
    said = table.recorded & (table.key != NO_KEY)
    both = said[:, one, :, None] & said[:, other, None, :]
    if one == other:
        both &= ~np.eye(said.shape[2], dtype=bool)
    return both & (table.key[:, one, :, None] == table.key[:, other, None, :]), both
