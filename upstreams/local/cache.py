"""Keys and values of rows that decode together: columns aligned at the right end, in buffers with room to spare."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer

SPARE_COLUMNS = 64

T = TypeVar("T")


@dataclass
class Extent:
    """What of the buffers is in use: the first `rows`, and the columns from `start` to before `end`."""

    rows: int
    start: int
    end: int
    row_room: int
    column_room: int


class RowLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """One layer's keys and values; a step writes one column and copies nothing.

    Args:
        extent: what is in use, shared by the layers of a cache and moved on by it after each forward.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, extent: Extent) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._extent = extent

    def lazy_initialization(self, key_states: Tensor, value_states: Tensor) -> None:
        """Make the buffers, now that the number of heads and their width are known."""
        self.keys, self.values = self._room(key_states), self._room(value_states)
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Write the columns after `end`; all that is in use and they, (rows, heads, columns, width) each."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        extent = self._extent
        end = extent.end + key_states.shape[-2]
        self.keys[: extent.rows, :, extent.end : end] = key_states
        self.values[: extent.rows, :, extent.end : end] = value_states
        return self.keys[: extent.rows, :, extent.start : end], self.values[: extent.rows, :, extent.start : end]

    def get_seq_length(self) -> int:
        """Columns in use."""
        return self._extent.end - self._extent.start

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Columns that `query_length` new ones may look at, and where they begin."""
        return self.get_seq_length() + query_length, 0

    def in_use(self) -> tuple[Tensor, Tensor]:
        """Views of keys and values, (rows, heads, columns, width)."""
        extent = self._extent
        part = (slice(extent.rows), slice(None), slice(extent.start, extent.end))
        return self.keys[part], self.values[part]

    def rehouse(self, row_room: int, column_room: int, end: int) -> None:
        """Move what is in use to larger buffers, where it ends before column `end`."""
        for name, used in zip(("keys", "values"), self.in_use(), strict=True):
            rows, heads, columns, width = used.shape
            buffer = used.new_zeros(row_room, heads, column_room, width)
            buffer[:rows, :, end - columns : end] = used
            setattr(self, name, buffer)

    def put(self, row: int, end: int, keys: Tensor, values: Tensor) -> None:
        """Write whole rows from `row` on, ending before column `end`."""
        rows, _, columns, _ = keys.shape
        self.keys[row : row + rows, :, end - columns : end] = keys
        self.values[row : row + rows, :, end - columns : end] = values

    def copy_row(self, source: int, target: int) -> None:
        """Overwrite one row with another."""
        for used in self.in_use():
            used[target] = used[source]

    def _room(self, states: Tensor) -> Tensor:
        # zeros, since a masked column still takes part, times 0, and an arbitrary one may hold a NaN
        _, heads, _, width = states.shape
        return states.new_zeros(self._extent.row_room, heads, self._extent.column_room, width)


class RowCache(Cache):
    """The cache of a batch of rows of different lengths; what stands left of a row's own columns is padding.

    Args:
        layers: of the model.
        lengths: tokens of each row that are going to be written.
        device: where the model is.
    """

    def __init__(self, layers: int, lengths: Sequence[int], device: torch.device) -> None:
        columns = max(lengths)
        self._extent = Extent(len(lengths), 0, 0, len(lengths), columns + SPARE_COLUMNS)
        self._starts = [columns - length for length in lengths]
        self._device = device
        self.row_layers = [RowLayer(self._extent) for _ in range(layers)]
        super().__init__(layers=[*self.row_layers])
        self._note_starts()

    @property
    def rows(self) -> int:
        """How many there are."""
        return self._extent.rows

    @property
    def lengths(self) -> list[int]:
        """Tokens of each row so far."""
        return [max(0, self._extent.end - start) for start in self._starts]

    def reserve(self, columns: int) -> None:
        """Make room for more columns; it doubles, so that a column is moved once or twice in its life."""
        extent = self._extent
        if extent.end + columns > extent.column_room:
            used = extent.end - extent.start
            self._rehouse(extent.row_room, 2 * used + columns + SPARE_COLUMNS, used)

    def positions(self, columns: int) -> Tensor:
        """The position in its own row of each of the next columns, int64 (rows, columns); 0 in padding."""
        if columns == 1:
            return (self._extent.end - self._first).clamp_(min=0)
        end = self._extent.end
        return (torch.arange(end, end + columns, device=self._device) - self._first).clamp_(min=0)

    def visible(self, columns: int) -> Tensor:
        """Which columns are a row's own, those to come included, bool (rows, columns)."""
        extent = self._extent
        return torch.arange(extent.start, extent.end + columns, device=self._device) >= self._first

    def advance(self, columns: int) -> None:
        """Take into use what a forward has written; until then, a forward that failed has changed nothing."""
        self._extent.end += columns

    def append(self, other: "RowCache") -> None:
        """Put the rows of another cache below, aligned at the right end."""
        extent, columns = self._extent, other._extent.end - other._extent.start
        rows, used = extent.rows + other.rows, extent.end - extent.start
        if rows > extent.row_room or columns > extent.end:
            longest = max(used, columns)
            room = extent.row_room if rows <= extent.row_room else max(rows, 2 * extent.row_room)
            self._rehouse(room, longest + used + SPARE_COLUMNS, longest)
        for layer, others in zip(self.row_layers, other.row_layers, strict=True):
            layer.put(extent.rows, extent.end, *others.in_use())
        self._starts += [extent.end - length for length in other.lengths]
        extent.rows = rows
        self._note_starts()

    def drop(self, rows: Iterable[int]) -> None:
        """Take rows out; the last row moves into each gap, from the last gap to the first, as `swap_out` does."""
        for row in sorted(rows, reverse=True):
            last = self._extent.rows - 1
            if row != last:
                for layer in self.row_layers:
                    layer.copy_row(last, row)
            swap_out(self._starts, [row])
            self._extent.rows = last
        self._note_starts()

    def _rehouse(self, row_room: int, column_room: int, end: int) -> None:
        extent, shift = self._extent, end - self._extent.end
        for layer in self.row_layers:
            layer.rehouse(row_room, column_room, end)
        extent.row_room, extent.column_room = row_room, column_room
        extent.start, extent.end = extent.start + shift, end
        self._starts = [start + shift for start in self._starts]
        self._note_starts()

    def _note_starts(self) -> None:
        self._extent.start = min(self._starts, default=self._extent.end)
        self._first = torch.tensor(self._starts, device=self._device)[:, None]  # (rows, 1)


def swap_out(items: list[T], rows: Iterable[int]) -> None:
    """Take items out of a list; the last one moves into each gap, from the last gap to the first.

    >>> items = ["a", "b", "c", "d"]
    >>> swap_out(items, [0, 2])
    >>> items
    ['d', 'b']
    """
    for row in sorted(rows, reverse=True):
        last = items.pop()
        if row < len(items):
            items[row] = last
