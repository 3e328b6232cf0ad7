from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from anabranch.upstreams.local.detokeniser import Detokeniser


def as_bytes(ids: Sequence[int]) -> str:
    return bytes(ids).decode(errors="replace")


def as_words(ids: Sequence[int]) -> str:
    """Words with blanks before them, but for the first of all: as Llama's tokenizer writes them."""
    return " ".join(f"w{token}" for token in ids)


def test_a_character_comes_whole() -> None:
    """The euro sign is three bytes, the emoji four."""
    text = Detokeniser(as_bytes)
    assert [text.add(byte) for byte in "a€😀b".encode()] == ["a", "", "", "€", "", "", "", "😀", "b"]
    assert text.rest() == ""


def test_what_never_becomes_a_character_is_shown_at_the_end() -> None:
    text = Detokeniser(as_bytes)
    assert [text.add(byte) for byte in b"a\xe2\x82"] == ["a", "", ""]
    assert text.rest() == "\N{REPLACEMENT CHARACTER}"
    assert text.rest() == ""


def test_a_blank_that_depends_on_the_token_before_is_kept() -> None:
    text = Detokeniser(as_words)
    assert "".join(text.add(token) for token in range(40)) == as_words(range(40))


def test_only_a_few_tokens_are_decoded_again() -> None:
    longest = 0

    def decode(ids: Sequence[int]) -> str:
        nonlocal longest
        longest = max(longest, len(ids))
        return as_words(ids)

    text = Detokeniser(decode)
    for token in range(1000):
        text.add(token)
    assert longest == 16


@given(st.one_of(st.binary(max_size=60), st.text(max_size=40).map(str.encode)))
def test_the_pieces_are_the_whole(data: bytes) -> None:
    text = Detokeniser(as_bytes)
    pieces = [text.add(byte) for byte in data]
    assert "".join(pieces) + text.rest() == as_bytes(data)
