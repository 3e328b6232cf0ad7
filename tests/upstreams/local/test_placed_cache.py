from collections.abc import Sequence

import torch

from anabranch.upstreams.local.placed_cache import PlacedCache

CPU = torch.device("cpu")


def write(cache: PlacedCache, rows: Sequence[int], columns: list[list[int]], numbers: list[list[int]]) -> torch.Tensor:
    """Write keys and values, which are numbers, of shape (rows, 1 head, columns, 1); what is read, (rows, columns)."""
    cache.aim(rows, columns, 1 + max(map(max, columns)))
    keys = torch.tensor(numbers, dtype=torch.float32)[:, None, :, None]
    for layer in cache.placed_layers:
        read, negative = layer.update(keys, -keys)
        assert torch.equal(read, -negative)
    return read[:, 0, :, 0].int()


def made(rows: int) -> PlacedCache:
    """Rows of two ids: 11 and 12, 21 and 22, and so on."""
    cache = PlacedCache(2, CPU)
    for _ in range(rows):
        cache.add()
    write(cache, range(rows), [[0, 1]] * rows, [[10 * row + 11, 10 * row + 12] for row in range(rows)])
    return cache


def test_rows_that_are_side_by_side_are_read_where_they_lie() -> None:
    cache = made(3)
    assert write(cache, [1, 2], [[2], [2]], [[23], [33]]).tolist() == [[21, 22, 23], [31, 32, 33]]
    read, _ = cache.placed_layers[0].update(torch.zeros(2, 1, 1, 1), torch.zeros(2, 1, 1, 1))
    assert read.data_ptr() == cache.placed_layers[0].keys[1].data_ptr()


def test_rows_that_are_not_side_by_side() -> None:
    cache = made(3)
    assert write(cache, [0, 2], [[2], [2]], [[13], [33]]).tolist() == [[11, 12, 13], [31, 32, 33]]
    assert write(cache, [0, 2], [[3, 2], [1, 2]], [[14, 15], [35, 36]]).tolist() == [[11, 12, 15, 14], [31, 35, 36, 0]]


def test_each_row_goes_back_by_itself() -> None:
    cache = made(2)
    assert write(cache, [0, 1], [[2, 3], [1, 2]], [[13, 14], [25, 26]]).tolist() == [[11, 12, 13, 14], [21, 25, 26, 0]]


def test_a_row_like_another() -> None:
    cache = made(2)
    assert cache.add(like=0) == 2
    assert write(cache, [0, 2], [[2], [1]], [[13], [42]]).tolist() == [[11, 12, 13], [11, 42, 0]]


def test_the_last_row_moves_into_the_gap() -> None:
    cache = made(3)
    cache.drop(0)
    assert cache.rows == 2
    assert write(cache, [0, 1], [[2], [2]], [[33], [23]]).tolist() == [[31, 32, 33], [21, 22, 23]]


def test_columns_move_within_a_row() -> None:
    cache = made(2)
    write(cache, [1], [[2, 3, 4]], [[23, 24, 25]])
    cache.move(1, source=3, target=2, columns=2)
    assert write(cache, [0, 1], [[2], [4]], [[13], [26]])[1].tolist() == [21, 22, 24, 25, 26]


def test_room_grows() -> None:
    """1,002 columns from a room of 64, by a quarter or 64: it moves at 65, 130, 195, 260, 326, 408, 511, 639, 799, 999.

    Room for rows doubles.
    """
    cache, moves = made(1), 0
    layer = cache.placed_layers[0]
    for step in range(2, 1002):
        before = layer.keys.data_ptr()
        read = write(cache, [0], [[step]], [[step]])
        moves += layer.keys.data_ptr() != before
    assert read.tolist() == [[11, 12, *range(2, 1002)]]
    assert moves == 10
    for _ in range(4):
        cache.add(like=0)
    assert len(layer.keys) == 8
    assert write(cache, [4], [[1002]], [[7]])[0, -3:].tolist() == [1000, 1001, 7]
