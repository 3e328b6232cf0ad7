"""The ids of a text that grows, as the tokenizer writes all of it, from its last words alone."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from tokenizers import Encoding, Tokenizer

from anabranch.upstreams.local.token_bytes import TokenBytes

# a byte more can change the last word and the one before ("'", "l" become "'ll"); one more, to see that it has not
WORDS_BACK = 3
BLANK = "\N{LOWER ONE EIGHTH BLOCK}"  # how pieces of SentencePiece show it
AS_ELSEWHERE: dict[str, dict[str, Any]] = {
    "ByteLevel": {"add_prefix_space": False},
    "Metaspace": {"prepend_scheme": "never"},
    "Strip": {"strip_left": False},
}


class Word(NamedTuple):
    """What a tokenizer encodes by itself, whatever stands around it.

    Args:
        start: in the text, in bytes.
        ids: its tokens; of bytes that are no characters, those that follow it.
    """

    start: int
    ids: list[int]


class Canonical:
    """A tokenizer that writes the middle of a text: no blank is put before it or taken off, no end, no special tokens.

    Bytes that are no characters, be it only because the rest is not there yet, are written with tokens of one byte each
    if the vocabulary has them; if not they are left out.

    Args:
        backend: of the tokenizers library; it is copied.
        vocabulary: what its tokens write.
    """

    def __init__(self, backend: Tokenizer, vocabulary: TokenBytes) -> None:
        settings = _bare(json.loads(backend.to_str()))
        self._backend = Tokenizer.from_str(json.dumps(settings))
        self._backend.encode_special_tokens = True  # a text that shows one is not one
        self._blank_begins = _blank_begins(settings["model"], self._backend)
        added = [token for token in settings["added_tokens"] if not token["special"]]
        self._bytes = {byte: vocabulary.ids.get(bytes([byte])) for byte in range(256)}
        self.has_words = not any(token[flag] for token in added for flag in ("lstrip", "rstrip", "single_word"))
        # a token of several words may be found only with its last byte
        self.reach = max((len(token["content"].encode()) for token in added), default=0)

    def words(self, text: bytes) -> list[Word]:
        """The whole text; what comes before its first word, if anything, is a word of its own."""
        words = [Word(0, [])]
        at = 0
        # a byte that is no character becomes half a surrogate pair, which no character is
        for part in re.findall(r"[\udc80-\udcff]+|[^\udc80-\udcff]+", text.decode(errors="surrogateescape")):
            raw = part.encode(errors="surrogateescape")
            if "\udc80" <= part[0] <= "\udcff":
                words[-1].ids.extend(self._of_bytes(raw))
            else:
                words += self._of_characters(part, at)
            at += len(raw)
        return words

    def encode(self, text: bytes) -> list[int]:
        """The ids of a whole text."""
        return [token for word in self.words(text) for token in word.ids]

    def _of_bytes(self, raw: bytes) -> list[int]:
        ids = [self._bytes[byte] for byte in raw]
        known = [token for token in ids if token is not None]
        return known if len(known) == len(ids) else []

    def _of_characters(self, part: str, at: int) -> Iterator[Word]:
        encoding = self._backend.encode(part, add_special_tokens=False)
        ids, offsets = encoding.ids, encoding.offsets  # each of these makes a list
        before = 0
        for first, last in pairwise([*self._beginnings(encoding, offsets), len(ids)]):
            start = offsets[first][0]
            at += len(part[before:start].encode())
            before = start
            yield Word(at, ids[first:last])

    def _beginnings(self, encoding: Encoding, offsets: Sequence[tuple[int, int]]) -> Iterator[int]:
        """Which tokens begin words."""
        words, pieces = encoding.word_ids, encoding.tokens
        for token in range(len(pieces)):
            inside = token > 0 and offsets[token][0] < offsets[token - 1][1]  # a character that a normaliser took apart
            if not inside and (token == 0 or words[token] != words[token - 1] or self._begins_blank(pieces, token)):
                yield token

    def _begins_blank(self, pieces: Sequence[str], token: int) -> bool:
        return self._blank_begins and pieces[token].startswith(BLANK) and not pieces[token - 1].endswith(BLANK)


class CanonicalText:
    """A text that is written again and again, most often with more at its end.

    Only its last words are encoded again: from the last but one before what is new, since what is new can change how
    many words there are, and one more, to see that it is still the word that it was. If it is not, from twice as far
    back, and so on to the beginning.

    Args:
        encoder: of its tokenizer.
    """

    def __init__(self, encoder: Canonical) -> None:
        self.ids: list[int] = []
        self.text = b""
        self._encoder = encoder
        self._starts: list[int] = []  # of words, in bytes
        self._begins: list[int] = []  # of words, in ids

    def write(self, text: bytes) -> int:
        """Make this the text; how many ids at its beginning are what they were."""
        word, words = self._words_of(text)
        same, ids = self._difference(word, words)
        self.text = text
        self.ids[same:] = ids
        begin = self._begins[word] if self._begins else 0
        del self._starts[word:], self._begins[word:]
        for each in words:
            self._starts.append(each.start)
            self._begins.append(begin)
            begin += len(each.ids)
        return same

    def with_more(self, more: bytes) -> tuple[int, list[int]]:
        """How many ids would stay if this were added to the text, and those that would follow them."""
        return self._difference(*self._words_of(self.text + more))

    def copy(self) -> "CanonicalText":
        """Another text that is the same so far."""
        other = CanonicalText(self._encoder)
        other.ids, other.text = [*self.ids], self.text
        other._starts, other._begins = [*self._starts], [*self._begins]
        return other

    def _words_of(self, text: bytes) -> tuple[int, list[Word]]:
        """From which word on the words of another text are encoded again, and what they are there."""
        kept = len(self.text) if text.startswith(self.text) else common_length(text, self.text)
        same = bisect_right(self._starts, kept - max(0, self._encoder.reach - 1))
        back = WORDS_BACK if self._encoder.has_words else len(self._starts)
        while True:
            word = max(0, same - back)
            start = self._starts[word] if self._starts else 0
            words = [Word(start + each.start, each.ids) for each in self._encoder.words(text[start:])]
            if word == 0:
                return 0, words
            words = words[1:]  # without what comes before the first, which is nothing
            if self._is_still(word, words):
                return word, words
            back *= 2

    def _is_still(self, word: int, words: Sequence[Word]) -> bool:
        begin, end = self._begins[word], self._begins[word + 1]
        return len(words) > 1 and words[0].ids == self.ids[begin:end] and words[1].start == self._starts[word + 1]

    def _difference(self, word: int, words: Sequence[Word]) -> tuple[int, list[int]]:
        """The first id that would differ, and all from there on."""
        begin = self._begins[word] if self._begins else 0
        ids = [token for each in words for token in each.ids]
        same = common_length(ids, self.ids[begin:])
        return begin + same, ids[same:]


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """How many items two sequences begin with together.

    >>> common_length([1, 2, 3], [1, 2, 4, 5])
    2
    """
    for place, (mine, yours) in enumerate(zip(one, other, strict=False)):
        if mine != yours:
            return place
    return min(len(one), len(other))


def _bare(settings: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer's settings without what treats the beginning of a text like no other place."""
    return settings | {
        "normalizer": _without_blanks(settings["normalizer"], "normalizers"),
        "pre_tokenizer": _without_blanks(settings["pre_tokenizer"], "pretokenizers"),
        "post_processor": None,
        "truncation": None,
        "padding": None,
    }


def _without_blanks(part: dict[str, Any] | None, of_sequence: str) -> dict[str, Any] | None:
    if part is None or part["type"] == "Prepend":
        return None
    if part["type"] == "Sequence":
        parts = [_without_blanks(each, of_sequence) for each in part[of_sequence]]
        return part | {of_sequence: [each for each in parts if each is not None]}
    elsewhere = AS_ELSEWHERE.get(part["type"], {})
    return part | {setting: value for setting, value in elsewhere.items() if setting in part}


def _blank_begins(model: dict[str, Any], backend: Tokenizer) -> bool:
    """Whether no token can reach over the beginning of a blank, which then begins a word without any pre-tokenizer."""
    of_bytes = model["type"] == "BPE" and not any(
        model[setting] for setting in ("continuing_subword_prefix", "end_of_word_suffix", "ignore_merges")
    )
    if not of_bytes and model["type"] != "Unigram":
        return False
    return not any(BLANK in piece.lstrip(BLANK) for piece in backend.get_vocab(with_added_tokens=False))
