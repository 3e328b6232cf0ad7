"""Continuations of rows are scored side by side, and the one that is then written is not read again."""

import pytest
import torch
from torch import Tensor

from anabranch.upstreams.local import live_rows
from anabranch.upstreams.local.live_rows import LiveRows
from anabranch.upstreams.local.token_model import Work
from tests.upstreams.local.live import PROMPT, afresh, close, done


def test_texts_are_scored_in_one_forward_with_what_is_pending(rows: LiveRows) -> None:
    """The prompt's 5, 2 pending, and texts of 3, 1 and 0."""
    (row,) = rows.open([PROMPT])
    rows.write(row, b"ab")
    scored: list[Tensor] = []
    assert done(rows, lambda: scored.extend(rows.score([row], [[b"cde", b"x", b""]])[0])) == Work(1, 11)
    assert [len(each) for each in scored] == [3, 1, 0]
    assert done(rows, lambda: rows.next([row])) == Work(0, 0)


@pytest.mark.parametrize("most", [2**26, 1])
def test_texts_of_several_rows_are_scored_together(rows: LiveRows, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of 5, 9 and 2 ids, one of which was read: in one forward, or each by itself where logits take much room."""
    monkeypatch.setattr(live_rows, "MOST_LOGITS", most)
    prompts, more = [PROMPT, [1, 2], [3]], [[b"cde", b"x"], [b"q"], [b"", b"long text", b"lo"]]
    many = rows.open(prompts)
    rows.write(many[0], b"ab\xc3\xa9")
    rows.next([many[0], many[2]])
    scored: list[list[Tensor]] = []
    work = done(rows, lambda: scored.extend(rows.score(many, more)))
    assert work == Work(1 if most > 1 else 3, (3 + 1) + (2 + 1) + (9 + 2))
    for row, prompt, texts, each in zip(many, prompts, more, scored, strict=True):
        for text, found in zip(texts, each, strict=True):
            before, ids = [*prompt, *rows.ids(row)], [rows.vocabulary.ids[bytes([byte])] for byte in text]
            said = afresh(rows, [*before, *ids])[len(before) - 1 : -1]
            assert close(found, said[range(len(ids)), ids])
    rows.write(many[2], b"long text")
    assert done(rows, lambda: rows.next([many[2]])) == Work(0, 0)
    assert close(rows.next([many[2]])[0], afresh(rows, [3, *rows.ids(many[2])])[-1])


def test_what_was_scored_and_written_over_is_read_again(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    rows.score([row], [[b"xyz", b"cde"]])[0]
    rows.write(row, b"QRSTUV")
    rows.next([row])
    rows.write(row, b"cde")
    assert done(rows, lambda: rows.next([row])) == Work(1, 3)
    assert close(rows.next([row])[0], afresh(rows, [*PROMPT, *rows.ids(row)])[-1])


def test_what_was_scored_is_not_taken_for_the_same_text_elsewhere(rows: LiveRows) -> None:
    """Scored after "ab", and then written in its place."""
    (row,) = rows.open([PROMPT])
    rows.write(row, b"ab")
    rows.score([row], [[b"cde"]])[0]
    rows.write(row, b"cde")
    assert done(rows, lambda: rows.next([row])) == Work(1, 3)
    assert close(rows.next([row])[0], afresh(rows, [*PROMPT, *rows.ids(row)])[-1])


@pytest.mark.parametrize("chosen", [b"cde", b"cdXY", b"cd"])
def test_a_text_that_was_scored_is_not_read_again(rows: LiveRows, chosen: bytes) -> None:
    """Written whole, nothing is left to read; with its beginning and more, that; with its beginning, its last id."""
    (row,) = rows.open([PROMPT])
    rows.next([row])
    rows.score([row], [[b"xyz", b"cdXY", b"cdefg"]])[0]
    rows.write(row, chosen)
    expected = {b"cde": Work(1, 1), b"cdXY": Work(0, 0), b"cd": Work(1, 1)}[chosen]
    assert done(rows, lambda: rows.next([row])) == expected
    assert close(rows.next([row])[0], afresh(rows, [*PROMPT, *rows.ids(row)])[-1])


def test_forks_take_what_was_scored_with_them(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    rows.score([row], [[b"one", b"two"]])[0]
    forks = [rows.fork(row), rows.fork(row)]
    for fork, text in zip(forks, (b"one", b"two"), strict=True):
        rows.write(fork, text)
    said: list[Tensor] = []
    assert done(rows, lambda: said.extend(rows.next(forks))) == Work(0, 0)
    for fork, each in zip(forks, said, strict=True):
        assert close(each, afresh(rows, [*PROMPT, *rows.ids(fork)])[-1])


def test_single_tokens_of_a_row_that_was_asked_are_scored_for_nothing(rows: LiveRows) -> None:
    (row,) = rows.open([PROMPT])
    said = rows.next([row])[0]
    scored: list[Tensor] = []
    assert done(rows, lambda: scored.extend(rows.score([row], [[b"a", b"", b"b"]])[0])) == Work(0, 0)
    ids = [rows.vocabulary.ids[b"a"], rows.vocabulary.ids[b"b"]]
    assert torch.equal(torch.cat(scored), said[ids])
