"""What each id of a tokenizer writes, read from what the tokenizer says of its own decoding."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from transformers import PreTrainedTokenizerBase

from anabranch.upstreams.local.token_bytes import TokenBytes

_Part = Mapping[str, Any]
_Read = Callable[[str], bytes]

_BYTE = re.compile("<0x([0-9A-Fa-f]{2})>")
_AS_IT_IS = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
# GPT-2 writes visible bytes of latin-1 as themselves, and the others, in order, as the letters from U+0100 on
_BYTES = {chr(byte): byte for byte in sorted(_AS_IT_IS)}
_BYTES |= {chr(0x100 + place): byte for place, byte in enumerate(sorted({*range(0x100)} - _AS_IT_IS))}

_KNOWN = (
    "ByteLevel, as GPT-2's, Metaspace, or a Sequence of Replace, ByteFallback, Fuse and then Strip of the start, as "
    "SentencePiece's"
)


def token_bytes(tokenizer: PreTrainedTokenizerBase, size: int, ends: frozenset[int]) -> TokenBytes:
    """The exact bytes of every id that a model has a logit for.

    Special tokens, tokens for what is unknown, and ids that the tokenizer does not have write nothing. Joined, the ids
    of a text write the text, as the tokenizer's normaliser leaves it, behind the blank that some put before each text.

    Args:
        tokenizer: of transformers, backed by the tokenizers library.
        size: width of the model's logits, which may be more or less than the tokenizer has ids.
        ends: ids that end a text; those without a logit are left out.

    Raises:
        ValueError: a tokenizer of another kind, whose tokens write no bytes of their own.
    """
    if not tokenizer.is_fast:
        raise ValueError(f"{type(tokenizer).__name__} has no fast version; save the tokenizer as tokenizer.json")
    backend = tokenizer.backend_tokenizer
    stated = json.loads(backend.to_str())
    read, pieces = _reader(stated), backend.get_vocab(with_added_tokens=False)
    written = {token: read(piece) for piece, token in pieces.items()}
    for added in stated["added_tokens"]:
        # one that is a piece as well comes from pieces far more often, as runs of blanks do in Gemma's
        written.setdefault(added["id"], added["content"].encode())
    silent = {added["id"] for added in stated["added_tokens"] if added["special"]} | _unknown(stated["model"], pieces)
    texts = (b"" if token in silent else written.get(token, b"") for token in range(size))
    return TokenBytes(tuple(text or None for text in texts), frozenset(end for end in ends if end < size))


def _reader(stated: _Part) -> _Read:
    """A piece of the vocabulary to the bytes that it writes."""
    parts, model = _parts(stated), stated["model"]
    kinds = [part["type"] for part in parts]
    affixes = [key for key in ("continuing_subword_prefix", "end_of_word_suffix") if model.get(key)]
    if affixes or not _is_known(parts):
        how = ", ".join(affixes + kinds) or "no decoder"
        raise ValueError(
            f"what tokens write cannot be read from a {model['type']} tokenizer with {how}; known decoders are {_KNOWN}"
        )
    if "ByteLevel" in kinds:
        return _of_letters
    falls_back = "ByteFallback" in kinds or bool(model.get("byte_fallback"))
    return _of_characters(dict(_replacements(parts)), falls_back)


def _parts(stated: _Part) -> list[_Part]:
    """The decoder's parts; without a decoder, what the pre-tokenizer says of bytes and blanks."""
    if stated["decoder"] is not None:
        return [*_flat(stated["decoder"])]
    blanks = ("ByteLevel", "Metaspace")
    return [part for part in _flat(stated["pre_tokenizer"] or {}) if part.get("type") in blanks]


def _flat(part: _Part) -> Iterator[_Part]:
    inner = part.get("decoders") or part.get("pretokenizers")
    if inner is None:
        yield part
    else:
        for each in inner:
            yield from _flat(each)


def _is_known(parts: list[_Part]) -> bool:
    """Whether each token can be read by itself: what strips must come after all are fused, and strip the start only."""
    kinds = [part["type"] for part in parts]
    if "ByteLevel" in kinds:
        return set(kinds) <= {"ByteLevel", "Fuse"}
    if not kinds or not set(kinds) <= {"Metaspace", "Replace", "ByteFallback", "Fuse", "Strip"}:
        return False
    strips = [place for place, kind in enumerate(kinds) if kind == "Strip"]
    fused = kinds.index("Fuse") if "Fuse" in kinds else len(kinds)
    whole = all(place > fused and parts[place]["stop"] == 0 for place in strips)
    return whole and all("String" in part["pattern"] for part in parts if part["type"] == "Replace")


def _replacements(parts: list[_Part]) -> Iterator[tuple[str, str]]:
    for part in parts:
        if part["type"] == "Metaspace":
            yield part["replacement"], " "
        elif part["type"] == "Replace":
            yield part["pattern"]["String"], part["content"]


def _of_letters(piece: str) -> bytes:
    try:
        return bytes([_BYTES[letter] for letter in piece])
    except KeyError:  # such a piece was added as it is
        return piece.encode()


def _of_characters(replaced: Mapping[str, str], falls_back: bool) -> _Read:
    def read(piece: str) -> bytes:
        if falls_back and (byte := _BYTE.fullmatch(piece)):
            return bytes([int(byte[1], 16)])
        for old, new in replaced.items():
            piece = piece.replace(old, new)
        return piece.encode()

    return read


def _unknown(model: _Part, pieces: Mapping[str, int]) -> set[int]:
    """The id that stands for whatever the vocabulary lacks."""
    named = {pieces[model["unk_token"]]} if model.get("unk_token") in pieces else set()
    return named | ({model["unk_id"]} if model.get("unk_id") is not None else set())
