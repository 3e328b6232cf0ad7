import torch

from anabranch.upstreams.local.cache import RowCache, swap_out

CPU = torch.device("cpu")


def extend(cache: RowCache, columns: list[list[int]]) -> None:
    """Write keys and values, which are their numbers, of shape (rows, 1 head, columns, 1); values are negative."""
    keys = torch.tensor(columns, dtype=torch.float32)[:, None, :, None]
    for layer in cache.row_layers:
        layer.update(keys, -keys)
    cache.advance(keys.shape[2])


def seen(cache: RowCache) -> list[list[int]]:
    """What each row sees in the last layer, its padding left out."""
    keys, values = cache.row_layers[-1].in_use()
    assert torch.equal(keys, -values)
    rows = keys[:, 0, :, 0].int()
    return [row[visible].tolist() for row, visible in zip(rows, cache.visible(0), strict=True)]


def made(rows: list[list[int]]) -> RowCache:
    """A cache of two layers that these rows have been written to, padded with 0."""
    cache = RowCache(2, [len(row) for row in rows], CPU)
    width = max(map(len, rows))
    extend(cache, [[0] * (width - len(row)) + row for row in rows])
    return cache


def test_rows_are_aligned_at_the_right_end() -> None:
    cache = made([[11], [21, 22, 23]])
    assert seen(cache) == [[11], [21, 22, 23]]
    assert cache.lengths == [1, 3]
    assert cache.positions(1).tolist() == [[1], [3]]
    assert cache.visible(1).tolist() == [[False, False, True, True], [True, True, True, True]]


def test_rows_of_one_length_have_no_padding() -> None:
    cache = made([[11, 12], [21, 22]])
    assert cache.visible(1).all()
    assert cache.positions(2).tolist() == [[2, 3], [2, 3]]


def test_padding_has_position_0() -> None:
    cache = RowCache(1, [1, 3], CPU)
    assert cache.positions(3).tolist() == [[0, 0, 0], [0, 1, 2]]


def test_shorter_and_longer_rows_join() -> None:
    cache = made([[11, 12]])
    cache.append(made([[21], [31, 32, 33, 34]]))
    extend(cache, [[13], [22], [35]])
    cache.append(made([[41]]))
    assert seen(cache) == [[11, 12, 13], [21, 22], [31, 32, 33, 34, 35], [41]]
    assert cache.positions(1).tolist() == [[3], [2], [5], [1]]


def test_rows_leave_and_the_last_moves_into_the_gap() -> None:
    cache = made([[11], [21, 22], [31, 32, 33], [41]])
    cache.drop([0, 2])
    assert seen(cache) == [[41], [21, 22]]
    assert cache.rows == 2


def test_columns_that_nobody_owns_any_more_are_not_seen() -> None:
    cache = made([[11, 12, 13, 14], [21]])
    cache.drop([0])
    assert cache.row_layers[0].get_seq_length() == 1
    assert cache.visible(1).tolist() == [[True, True]]
    extend(cache, [[22]])
    assert seen(cache) == [[21, 22]]


def test_a_row_that_left_is_not_seen_by_one_that_takes_its_place() -> None:
    cache = made([[11, 12, 13], [21]])
    cache.drop([0])
    cache.append(made([[31, 32, 33]]))
    assert seen(cache) == [[21], [31, 32, 33]]


def test_room_doubles() -> None:
    """From a room of 1 + 64 columns, 1000 steps move the buffers at 65, and then at least 64 later and twice as far."""
    cache = made([[0], [0]])
    moves, before = 0, cache.row_layers[0].keys.data_ptr()
    for step in range(1, 1001):
        cache.reserve(1)
        moves += cache.row_layers[0].keys.data_ptr() != before
        before = cache.row_layers[0].keys.data_ptr()
        extend(cache, [[step], [step]])
    assert seen(cache) == [list(range(1001))] * 2
    assert moves <= 5


def test_room_does_not_grow_with_how_many_come_and_go() -> None:
    """At most two rows at a time, of 8 columns, and one in seven of 68, which are more than were left of the room."""
    cache = made([[1] * 4])
    for prompt in range(200):
        cache.append(made([[1] * (60 if prompt % 7 == 0 else 4)]))
        for _ in range(4):
            cache.reserve(1)
            extend(cache, [[2], [2]])
        cache.drop([0])
    rows, _, columns, _ = cache.row_layers[0].keys.shape
    assert rows == 2 and columns < 300


def test_a_forward_that_failed_has_changed_nothing() -> None:
    cache = made([[11], [21, 22]])
    cache.row_layers[0].update(torch.ones(2, 1, 1, 1), torch.ones(2, 1, 1, 1))
    assert seen(cache) == [[11], [21, 22]]
    extend(cache, [[12], [23]])
    assert seen(cache) == [[11, 12], [21, 22, 23]]


def test_swap_out_of_all() -> None:
    items = [1, 2, 3]
    swap_out(items, [0, 1, 2])
    assert items == []
