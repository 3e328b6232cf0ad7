from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from anabranch.upstreams.local.read_token_bytes import token_bytes
from anabranch.upstreams.local.token_bytes import TokenBytes
from tests.upstreams.local import tiny

POCKET = Path(__file__).parents[3] / "upstreams" / "pocket" / "weights"
TOOL, END, INDENT = "<tool>", "<|end|>", "    x"
MERGED = ("th", "he", "the", "é", "日", "  ", "\n\n")
TEXTS = st.lists(
    st.sampled_from([*MERGED, "the 日本 é", " ", "\n", "😀", "<0x0A>", "Ġ", TOOL, INDENT])
    | st.characters(codec="utf-8")
).map("".join)


def fast(backend: Tokenizer) -> PreTrainedTokenizerFast:
    """With two tokens that write themselves, and a special one."""
    backend.add_tokens([AddedToken(TOOL, normalized=False), AddedToken(INDENT, normalized=False)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token=END)  # type: ignore[no-untyped-call]


def byte_level(prefix: bool = False) -> PreTrainedTokenizerFast:
    """As GPT-2: bytes as letters, and pairs of them."""
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    pieces = [piece for ((piece, _),) in (letters.pre_tokenize_str(text) for text in MERGED)]
    backend = Tokenizer(bpe([*sorted(pre_tokenizers.ByteLevel.alphabet())], pieces))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    backend.decoder = decoders.ByteLevel()
    return fast(backend)


def bpe(characters: list[str], pieces: list[str], **settings: object) -> models.BPE:
    """Pieces that are merged from their beginnings and one character more, where those are there."""
    vocabulary = dict.fromkeys(characters)
    merges = []
    for piece in pieces:
        for size in range(2, len(piece) + 1):
            if piece[:size] not in vocabulary:
                vocabulary[piece[:size]] = None
                merges.append((piece[: size - 1], piece[size - 1]))
    return models.BPE({piece: token for token, piece in enumerate(vocabulary)}, merges, **settings)


BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LETTERS = [*"▁tehé日abc", *BYTES]


def blanks(scheme: str) -> PreTrainedTokenizerFast:
    """As SentencePiece: visible blanks, one before the text or not, and bytes for what has no piece."""
    backend = Tokenizer(bpe(LETTERS, ["th", "the", "▁the", "▁▁"], byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=False)
    backend.decoder = decoders.Metaspace(prepend_scheme=scheme, split=False)
    return fast(backend)


def llama() -> PreTrainedTokenizerFast:
    """As Llama 2: the normaliser makes the blanks visible, and puts one before every text."""
    backend = Tokenizer(bpe(["<unk>", *LETTERS], ["th", "the", "▁the"], byte_fallback=True, unk_token="<unk>"))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    backend.decoder = decoders.Sequence(steps)
    backend.add_special_tokens(["<unk>"])
    return fast(backend)


def gemma() -> PreTrainedTokenizerFast:
    """As Gemma: runs of visible blanks are pieces, and named among the added tokens as well."""
    backend = Tokenizer(bpe(LETTERS, ["the", "▁▁", "▁▁▁"], byte_fallback=True))
    backend.normalizer = normalizers.Replace(" ", "▁")
    backend.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    backend.add_tokens([AddedToken("▁▁", normalized=False), AddedToken("▁▁▁", normalized=False)])
    return fast(backend)


def unigram() -> PreTrainedTokenizerFast:
    pieces = [("<unk>", 0.0), *((letter, -5.0) for letter in LETTERS), ("▁the", -2.0), ("he", -3.0)]
    backend = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(prepend_scheme="never")])
    backend.add_special_tokens(["<unk>"])
    return fast(backend)


def pocket(name: str) -> Callable[[], PreTrainedTokenizerFast]:
    return lambda: PreTrainedTokenizerFast.from_pretrained(POCKET / name)


BUILT: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    **{folder.name: pocket(folder.name) for folder in sorted(POCKET.iterdir()) if folder.is_dir()},
    "bytes": tiny.byte_tokenizer,
    "byte-level": byte_level,
    "blanks": lambda: blanks("never"),
    "gemma": gemma,
    "unigram": unigram,
}
PREFIXED: dict[str, Callable[[], PreTrainedTokenizerFast]] = {
    "byte-level": lambda: byte_level(prefix=True),
    "always": lambda: blanks("always"),
    "first": lambda: blanks("first"),
    "llama": llama,
}


@cache
def built(build: Callable[[], PreTrainedTokenizerFast]) -> tuple[Tokenizer, TokenBytes]:
    tokenizer = build()
    return tokenizer.backend_tokenizer, token_bytes(tokenizer, len(tokenizer) + 3, frozenset({0, 10**6}))


def joined(backend: Tokenizer, vocabulary: TokenBytes, text: str) -> bytes:
    written = [vocabulary.written[token] for token in backend.encode(text, add_special_tokens=False).ids]
    return b"".join(one for one in written if one is not None)


def test_the_pocket_pool_is_there() -> None:
    assert sum(name.startswith("pocket") for name in BUILT) == 4


@pytest.mark.parametrize("name", BUILT)
@given(text=TEXTS)
def test_the_ids_of_a_text_write_the_text(name: str, text: str) -> None:
    """But for visible blanks, which stand for real ones, and for names of bytes, which unigrams take for the bytes."""
    text = text.replace("▁", "").replace("<0x", "" if name == "unigram" else "<0x")
    backend, vocabulary = built(BUILT[name])
    assert joined(backend, vocabulary, text) == text.encode()


@pytest.mark.parametrize("name", PREFIXED)
@given(text=TEXTS)
def test_or_behind_a_blank_that_is_put_before_it(name: str, text: str) -> None:
    """Added tokens are left out: some put a blank behind each. Llama's blank comes before one that is there, too."""
    text = text.replace("▁", "").replace("<", "").replace("x", "")
    backend, vocabulary = built(PREFIXED[name])
    blank = b" " if text and (name == "llama" or not text.startswith(" ")) else b""
    assert joined(backend, vocabulary, text) == blank + text.encode()


@pytest.mark.parametrize(
    "build", [*BUILT.values(), *PREFIXED.values()], ids=[*BUILT, *(f"{name} with a blank" for name in PREFIXED)]
)
def test_each_id_writes_what_it_decodes_to(build: Callable[[], PreTrainedTokenizerFast]) -> None:
    """Behind a letter, since some decoders take a blank off the first token; half characters are shown as U+FFFD."""
    backend, vocabulary = built(build)
    (letter,) = backend.encode("aa", add_special_tokens=False).ids[-1:]
    for token, written in enumerate(vocabulary.written):
        shown = backend.decode([letter, token], skip_special_tokens=True)
        if "<0x" not in shown:  # a decoder of blanks alone shows what a byte is called
            assert (b"a" + (written or b"")).decode(errors="replace") == shown


def test_special_and_unknown_ids_write_nothing() -> None:
    tokenizer = llama()
    size = len(tokenizer) + 2
    written = token_bytes(tokenizer, size, frozenset({size - 3, size})).written
    special = [tokenizer.convert_tokens_to_ids(text) for text in ("<unk>", END)]
    assert [token for token, text in enumerate(written) if text is None] == [*special, size - 2, size - 1]


def test_what_is_unknown_writes_nothing_even_if_it_is_not_called_special() -> None:
    backend = Tokenizer(models.Unigram([("a", -1.0), ("?", 0.0)], unk_id=1))
    backend.decoder = decoders.Metaspace()
    assert token_bytes(fast(backend), 3, frozenset()).written == (b"a", None, TOOL.encode())


def test_ends_and_ids_without_a_logit_are_left_out() -> None:
    vocabulary = token_bytes(tiny.byte_tokenizer(), 100, frozenset({3, 256}))
    assert len(vocabulary) == 100 and vocabulary.ends == {3}


def test_a_piece_that_is_added_as_well_writes_what_the_piece_writes() -> None:
    _, vocabulary = built(gemma)
    assert b"   " in vocabulary.ids and "▁▁▁".encode() not in vocabulary.ids


def test_byte_letters() -> None:
    """Ġ is the 33rd of the bytes that are not shown, 0x20; ĉ the tenth, 0x09."""
    backend, vocabulary = built(byte_level)
    pieces = backend.get_vocab()
    for letter, byte in (("Ġ", b" "), ("ĉ", b"\t"), ("a", b"a"), ("é", b"\xe9"), ("ł", b"\xa0"), ("Ń", b"\xad")):
        assert vocabulary.written[pieces[letter]] == byte


def test_without_a_decoder_the_pre_tokenizer_says_it() -> None:
    backend = Tokenizer(models.BPE({"Ġ": 0, "é": 1}, []))
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(), pre_tokenizers.ByteLevel()])
    assert token_bytes(fast(backend), 2, frozenset()).written == (b" ", b"\xe9")
    backend.pre_tokenizer = pre_tokenizers.Metaspace("Ġ")
    assert token_bytes(fast(backend), 2, frozenset()).written == (b" ", "é".encode())


def plain(decoder: decoders.Decoder | None, **settings: object) -> Tokenizer:
    backend = Tokenizer(models.BPE({"a": 0}, [], **settings))
    if decoder is not None:
        backend.decoder = decoder
    return backend


def test_slow_tokenizers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no fast version; save the tokenizer as tokenizer\.json"):
        token_bytes(ByT5Tokenizer(), 3, frozenset())


@pytest.mark.parametrize(
    ("backend", "what"),
    [
        (plain(None), "no decoder"),
        (plain(decoders.WordPiece()), "BPE tokenizer with WordPiece"),
        (plain(decoders.BPEDecoder()), "BPEDecoder"),
        (plain(decoders.CTC()), "CTC"),
        (plain(decoders.ByteLevel(), end_of_word_suffix="</w>"), "BPE tokenizer with end_of_word_suffix"),
        (plain(decoders.Replace(Regex("_"), " ")), "Replace"),
        (plain(decoders.Sequence([decoders.Strip(" ", 1, 0), decoders.Fuse()])), "Strip, Fuse"),
        (plain(decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 0, 1)])), "Fuse, Strip"),
        (plain(decoders.Sequence([decoders.ByteLevel(), decoders.Strip(" ", 1, 0)])), "ByteLevel, Strip"),
    ],
)
def test_other_kinds_are_refused(backend: Tokenizer, what: str) -> None:
    with pytest.raises(ValueError, match=f"cannot be read from a .*{what}.*; known decoders are"):
        token_bytes(fast(backend), 1, frozenset())
