"""Ids of texts that grow are those of the whole text, whatever the tokenizer and however they grow."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from anabranch.upstreams.local.canonical import Canonical, CanonicalText, Word, common_length
from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.local.token_bytes import TokenBytes
from tests.upstreams.local import tiny

WEIGHTS = Path(__file__).parents[3] / "upstreams" / "pocket" / "weights"
LETTERS = [chr(code) for code in range(32, 127)]
SPOKEN = [
    "it's what they'll say, isn't it?",
    "1234567 and  12 of 3456",
    "a  b   c\n\n d",
    "«né» à la carte",
    "we've <go>",
]
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
FROM_THE_RIGHT = r"\d{1,3}(?=(?:\d{3})*(?:\D|$))|\D+"


def trained(backend: Tokenizer, *, of_bytes: bool = False, falls_back: bool = False) -> Tokenizer:
    first = pre_tokenizers.ByteLevel.alphabet() if of_bytes else [*LETTERS, "▁"]
    hexadecimal = [f"<0x{byte:02X}>" for byte in range(256)] if falls_back else []
    backend.train_from_iterator(
        SPOKEN,
        trainers.BpeTrainer(
            vocab_size=700,
            special_tokens=["<end>", *hexadecimal],
            initial_alphabet=first,
            show_progress=False,
        ),
    )
    return backend


def gpt2() -> Tokenizer:
    backend = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(GPT2), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(True, use_regex=False)])
    backend.normalizer = normalizers.NFC()
    backend.decoder = decoders.ByteLevel()
    return trained(backend, of_bytes=True)


def digits() -> Tokenizer:
    """Threes of digits counted from the right, so that a digit more moves all of them; and a token that is added."""
    backend = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(FROM_THE_RIGHT), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=True)])
    backend.decoder = decoders.ByteLevel()
    trained(backend, of_bytes=True)
    backend.add_tokens([AddedToken("<| a b |>", special=False, normalized=False)])
    return backend


def plain() -> Tokenizer:
    """No pre-tokenizer, no blank that begins words, no bytes."""
    backend = Tokenizer(models.BPE())
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.Fuse()])
    return trained(backend)


def llama() -> Tokenizer:
    """As Llama's: no pre-tokenizer, and a blank before each text."""
    backend = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    blank, strip = decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)
    backend.decoder = decoders.Sequence([blank, decoders.ByteFallback(), decoders.Fuse(), strip])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()  # while it is trained, as SentencePiece does
    trained(backend, falls_back=True)
    backend.pre_tokenizer = None
    stated = json.loads(backend.to_str())
    stated["added_tokens"] = stated["added_tokens"][:1]  # tokens of bytes are tokens like others
    return Tokenizer.from_str(json.dumps(stated))


def unigram() -> Tokenizer:
    pieces = [("<end>", 0.0), ("▁", -3.0), ("▁it", -2.0), ("▁they", -2.5), ("'ll", -2.0)]
    backend = Tokenizer(models.Unigram([*pieces, *((letter, -4.0) for letter in LETTERS)], 0, False))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Metaspace()
    return backend


MADE = {made.__name__: made for made in (gpt2, digits, plain, llama, unigram)}
POCKET = ["heron", "owl", "robin", "wren"]
ALL = [*POCKET, "bytes", *MADE]
WHOLE = [*POCKET, "bytes", "gpt2", "digits", "llama"]  # those that can write anything


@cache
def vocabulary(name: str) -> tuple[Tokenizer, TokenBytes]:
    if name in POCKET:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(WEIGHTS / f"pocket-{name}")
    elif name == "bytes":
        tokenizer = tiny.byte_tokenizer()
    else:
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=MADE[name](), eos_token="<end>", unk_token=None)  # type: ignore[no-untyped-call]
    return tokenizer.backend_tokenizer, token_bytes(tokenizer, len(tokenizer), frozenset())


@cache
def encoder(name: str) -> Canonical:
    return Canonical(*vocabulary(name))


def text_of(name: str, ids: Sequence[int]) -> bytes:
    """What ids write; those that write nothing are shown."""
    _, tokens = vocabulary(name)
    return b"".join(b"<nothing>" if (text := tokens.written[token]) is None else text for token in ids)


STRINGS = [piece for text in SPOKEN for piece in (text, *text.split(), *text)]
STRINGS += ["'", "'l", "l", " ", "  ", "\n", "1", "23", "<| a", " b |>", "<end>", "é", "€", "e\u0301", "½", "中文"]
PIECES = [piece.encode() for piece in STRINGS] + ["é".encode()[:1], "€".encode()[:2], "€".encode()[2:], b"\xff"]


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(PIECES), st.integers(0, 9)), max_size=20), st.lists(st.text(max_size=6)))
def test_the_ids_of_a_text_that_grows_are_those_of_the_whole(
    name: str, pieces: list[tuple[bytes, int]], more: list[str]
) -> None:
    """Pieces are added, and now and then some bytes taken back first."""
    growing, text = CanonicalText(encoder(name)), b""
    for piece, back in [*pieces, *((each.encode(errors="replace"), 0) for each in more)]:
        text = text[: len(text) - back] + piece if back > 6 else text + piece
        before, whole = growing.ids[:], encoder(name).encode(text)
        foreseen = growing.with_more(text[len(growing.text) :]) if text.startswith(growing.text) else None
        same = growing.write(text)
        assert growing.ids == whole
        assert same == common_length(before, whole)
        assert foreseen in (None, (same, whole[same:]))


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=40)
@given(st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join))
def test_ids_write_the_text_and_nothing_else(name: str, text: bytes) -> None:
    """Incomplete and wrong characters included; the normaliser of one composes letters, which are left out for it."""
    if name == "gpt2":
        text = text.replace("\u0301".encode(), b"")
    if name == "digits":
        text = text.replace(b"<| a b |>", b"")
    assert text_of(name, encoder(name).encode(text)) == text


@pytest.mark.parametrize("name", ["heron", "gpt2", "llama", "unigram"])
def test_no_blank_is_put_before_a_text_or_taken_off(name: str) -> None:
    for text in (b"they", b" they", b"  they"):
        assert text_of(name, encoder(name).encode(text)) == text


def test_a_special_token_that_is_only_shown_is_text() -> None:
    """<|end|> of the pocket pool is id 4 if it is an end."""
    ids = encoder("robin").encode(b"<|end|>")
    assert 4 not in ids and text_of("robin", ids) == b"<|end|>"


def test_an_added_token_is_found_with_its_last_byte() -> None:
    """Of "<| a b |>" all words but the first two are more than two words back when its last byte comes."""
    growing = CanonicalText(encoder("digits"))
    growing.write(b"x <| a b |")
    before = len(growing.ids)
    growing.write(b"x <| a b |>")
    assert len(growing.ids) < before and text_of("digits", growing.ids[-1:]) == b"<| a b |>"


def test_threes_from_the_right_move() -> None:
    """A digit more moves all of seven words, far beyond the last two; three more move none."""
    assert [text_of("digits", word.ids) for word in encoder("digits").words(b"1234567")[1:]] == [b"1", b"234", b"567"]
    growing, run = CanonicalText(encoder("digits")), b"x " + b"1234567890" * 4
    for end in (20, 21, 22, 25, 42):
        growing.write(run[:end])
        assert growing.ids == encoder("digits").encode(run[:end])


def test_half_a_character_waits_where_there_are_no_bytes() -> None:
    half, whole = "a é".encode()[:-1], "a é".encode()
    assert text_of("plain", encoder("plain").encode(half)) == b"a "
    assert text_of("robin", encoder("robin").encode(half)) == half
    growing = CanonicalText(encoder("robin"))
    growing.write(half)
    growing.write(whole)
    assert text_of("robin", growing.ids) == whole


@pytest.mark.parametrize("name", ["heron", "robin", "gpt2", "llama"])
def test_only_the_last_words_are_encoded_again(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 400 words and a letter that are added, at most five words are read, each at most 7 bytes."""
    read: list[int] = []
    words = Canonical.words

    def counted(self: Canonical, text: bytes) -> list[Word]:
        read.append(len(text))
        return words(self, text)

    monkeypatch.setattr(Canonical, "words", counted)
    growing = CanonicalText(encoder(name))
    growing.write(b" they'll" * 400)
    growing.write(b" they'll" * 400 + b" s")
    growing.write(b" they'll" * 400 + b" say")
    growing.write(b" they'll" * 399 + b" it")
    assert read[0] == 3200 and max(read[1:]) <= 35 and len(read) == 4


def test_a_copy_goes_its_own_way() -> None:
    one = CanonicalText(encoder("robin"))
    one.write(b"they say it")
    other = one.copy()
    other.write(b"they say its")
    assert one.ids == encoder("robin").encode(b"they say it")
    assert other.ids == encoder("robin").encode(b"they say its")
