"""Keys and values of rows that go back and on, each by itself: the column of an id is its place in its own row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache

from anabranch.upstreams.local.cache import SPARE_COLUMNS, Extent, RowLayer


@dataclass
class Places:
    """Where the next forward writes, and what it reads.

    Args:
        rows: of the buffers; int64 (rows,) if they are not side by side.
        columns: that each row's new ids go to; int64 (rows, new) if they are not the same, side by side, for all.
        end: the column before which all rows are read.
        new: how many ids each row has.
    """

    rows: slice | Tensor
    columns: slice | Tensor
    end: int
    new: int = 0

    def write(self, buffer: Tensor, states: Tensor) -> Tensor:
        """Put states (rows, heads, new, width) into a buffer; what is read of it, (rows, heads, end, width)."""
        if isinstance(self.columns, slice):
            buffer[self.rows, :, self.columns] = states
        else:
            rows = torch.arange(len(buffer), device=buffer.device)[self.rows]
            buffer[rows[:, None], :, self.columns] = states.transpose(1, 2)  # (rows, new, heads, width)
        return buffer[self.rows, :, : self.end]


class PlacedLayer(RowLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values; rows that are side by side are read where they lie.

    Args:
        extent: rows and columns that hold anything, shared by the layers of a cache.
        places: for the next forward, shared as well.
    """

    def __init__(self, extent: Extent, places: Places) -> None:
        super().__init__(extent)
        self._places = places

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the new columns; all that is read, they included, (rows, heads, columns, width) each."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        return self._places.write(self.keys, key_states), self._places.write(self.values, value_states)

    def get_seq_length(self) -> int:
        """Columns before the new ones; of use where all rows are alike, since else the mask says it."""
        return self._places.end - self._places.new

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns that are read, and where they begin."""
        return self._places.end, 0

    def move(self, row: int, source: int, target: int, columns: int) -> None:
        """Copy some columns of a row to where others are."""
        for buffer in (self.keys, self.values):
            buffer[row, :, target : target + columns] = buffer[row, :, source : source + columns].clone()


class PlacedCache(Cache):
    """Rows that each begin at column 0, so that going back is writing over what is there.

    What a row has beyond its end is never looked at: the mask of a forward, which the caller makes of places, leaves it
    out. So nothing has to be marked or packed together again, and a forward of some rows costs the others nothing.

    Args:
        layers: of the model.
        device: where the model is.
    """

    def __init__(self, layers: int, device: torch.device) -> None:
        self._extent = Extent(rows=0, start=0, end=0, row_room=1, column_room=SPARE_COLUMNS)
        self._places = Places(slice(0), slice(0), 0)
        self._device = device
        self.placed_layers = [PlacedLayer(self._extent, self._places) for _ in range(layers)]
        super().__init__(layers=[*self.placed_layers])

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._extent.rows

    def add(self, like: int | None = None) -> int:
        """A new row below the others, with what another one has, or with nothing."""
        row = self._extent.rows
        self._make_room(row + 1, self._extent.end)
        self._extent.rows = row + 1
        if like is not None:
            self._copy(like, row)
        return row

    def drop(self, row: int) -> None:
        """Take a row out; the last one moves into the gap, as `swap_out` does."""
        last = self._extent.rows - 1
        if row != last:
            self._copy(last, row)
        self._extent.rows = last

    def aim(self, rows: Sequence[int], columns: Sequence[Sequence[int]], end: int) -> None:
        """Say where the next forward writes, which rows it has, and where what it may look at ends.

        Args:
            rows: rising.
            columns: of each row, of the same number for all.
            end: above every column that some id may look at.
        """
        self._make_room(self._extent.rows, 1 + max(map(max, columns)))
        places, first = self._places, columns[0]
        side_by_side = rows[-1] - rows[0] == len(rows) - 1
        places.rows = slice(rows[0], rows[-1] + 1) if side_by_side else torch.tensor(rows, device=self._device)
        run = range(first[0], first[0] + len(first))
        alike = all([*each] == [*run] for each in columns)
        places.columns = slice(run.start, run.stop) if alike else torch.tensor(columns, device=self._device)
        places.end, places.new = end, len(first)

    def move(self, row: int, source: int, target: int, columns: int) -> None:
        """Copy some columns of a row to where others are."""
        for layer in self._written():
            layer.move(row, source, target, columns)

    def _copy(self, source: int, target: int) -> None:
        for layer in self._written():
            layer.copy_row(source, target)

    def _make_room(self, rows: int, end: int) -> None:
        """Room for so many rows and columns, and some more, so that a column is moved a few times in its life."""
        extent = self._extent
        if rows > extent.row_room or end > extent.column_room:
            row_room = extent.row_room if rows <= extent.row_room else max(rows, 2 * extent.row_room)
            column_room = extent.column_room if end <= extent.column_room else end + max(SPARE_COLUMNS, end // 4)
            for layer in self._written():
                layer.rehouse(row_room, column_room, extent.end)
            extent.row_room, extent.column_room = row_room, column_room
        extent.end = max(extent.end, end)

    def _written(self) -> list[PlacedLayer]:
        return [layer for layer in self.placed_layers if layer.is_initialized]
