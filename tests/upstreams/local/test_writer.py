from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from anabranch.upstreams.local.pieces import Piece
from anabranch.upstreams.local.scored import Scored
from anabranch.upstreams.local.writer import Writer


def as_bytes(ids: Sequence[int]) -> str:
    return bytes(ids).decode(errors="replace")


def written(stops: Sequence[str], text: bytes, keeps_tokens: bool = True) -> tuple[list[Piece], Writer]:
    writer = Writer(as_bytes, stops, keeps_tokens)
    pieces = [writer.add(Scored(byte)) for byte in text]
    return [*pieces, writer.rest()], writer


def parts(pieces: Sequence[Piece]) -> list[tuple[str, list[str]]]:
    return [(piece.text, [token.text for token in piece.tokens]) for piece in pieces]


def test_tokens_come_with_the_text_that_they_end_in() -> None:
    pieces, writer = written(["no"], b"an?")
    assert parts(pieces) == [("a", ["a"]), ("", []), ("n?", ["n", "?"]), ("", [])]
    assert not writer.stopped


def test_a_token_that_is_part_of_a_character_adds_nothing_until_the_last() -> None:
    pieces, _ = written([], "é".encode())
    assert parts(pieces) == [("", []), ("é", ["", "é"]), ("", [])]


def test_nothing_of_a_stop_string_is_given() -> None:
    pieces, writer = written(["no"], b"ano")
    assert parts(pieces) == [("a", ["a"]), ("", []), ("", []), ("", [])]
    assert writer.stopped


def test_a_token_that_a_stop_string_cuts_is_cut() -> None:
    """The two tokens are 'ab' and 'cd'; the stop string begins inside the second."""
    words = ["ab", "cd"]
    writer = Writer(lambda ids: "".join(words[token] for token in ids), ["d"], keeps_tokens=True)
    pieces = [writer.add(Scored(0)), writer.add(Scored(1)), writer.rest()]
    assert parts(pieces) == [("ab", ["ab"]), ("c", []), ("", ["c"])]


def test_half_a_character_at_the_end_goes_with_the_last_token() -> None:
    pieces, _ = written([], b"a\xc3")
    assert parts(pieces) == [("a", ["a"]), ("", []), ("\N{REPLACEMENT CHARACTER}", ["\N{REPLACEMENT CHARACTER}"])]


def test_tokens_that_nobody_wants_are_not_kept() -> None:
    pieces, _ = written(["no"], b"an?", keeps_tokens=False)
    assert [piece.tokens for piece in pieces] == [()] * 4


@given(st.binary(max_size=40), st.lists(st.sampled_from(["a", "b\xe9", "\N{REPLACEMENT CHARACTER}"]), max_size=2))
def test_the_tokens_are_the_text(data: bytes, stops: list[str]) -> None:
    pieces, _ = written(stops, data)
    assert "".join(token.text for piece in pieces for token in piece.tokens) == "".join(piece.text for piece in pieces)
