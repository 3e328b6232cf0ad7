"""Several continuations of one row, side by side in the same forward."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor


class Branch(NamedTuple):
    """A continuation of a row.

    Args:
        base: ids of the row that stay.
        ids: that follow them.
    """

    base: int
    ids: list[int]


@dataclass(frozen=True)
class Pack:
    """The row's own ids from some place on, and then each branch: T ids, in columns that begin at that place.

    Args:
        start: column of the first id.
        ids: T.
        positions: T, of each id in the text that it belongs to.
        before: T, all columns before this one are looked at, and
        first: T, those from this one to the id's own.
        begins: of each branch in `ids`.

    >>> pack = Pack.of(2, [7], [Branch(3, [8, 9]), Branch(3, [8])])
    >>> pack.positions
    [2, 3, 4, 3]
    >>> pack.visible(torch.device("cpu")).int()
    tensor([[1, 1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0, 0],
            [1, 1, 1, 1, 1, 0],
            [1, 1, 1, 0, 0, 1]], dtype=torch.int32)
    """

    start: int
    ids: list[int]
    positions: list[int]
    before: list[int]
    first: list[int]
    begins: list[int]

    @classmethod
    def of(cls, start: int, trunk: Sequence[int], branches: Sequence[Branch]) -> "Pack":
        """A row's ids from `start` on, and branches that leave the row anywhere."""
        own = range(start, start + len(trunk))
        pack = cls(start, [*trunk], [*own], [*own], [*own], [])
        for base, ids in branches:
            pack.begins.append(len(pack.ids))
            column, length = start + len(pack.ids), len(ids)
            pack.ids.extend(ids)
            pack.positions.extend(range(base, base + length))
            pack.before.extend([base] * length)
            pack.first.extend([column] * length)
        return pack

    @property
    def end(self) -> int:
        """The column after the last id."""
        return self.start + len(self.ids)

    def visible(self, device: torch.device) -> Tensor:
        """What each id looks at, bool (T, end)."""
        columns = torch.arange(self.end, device=device)
        before, first = (torch.tensor(each, device=device)[:, None] for each in (self.before, self.first))  # (T, 1)
        return (columns < before) | (columns >= first) & (columns <= columns[self.start :, None])
