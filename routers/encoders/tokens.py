"""Text to token ids, head and tail kept; no torch, so that serving runs the very same code."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

Ids = NDArray[np.int64]

_SETTINGS = {"max_tokens": int, "head_share": float, "pad_id": int, "prefix": str}
# a tokenizer holds about 100 bytes a token until its texts are cut
_TEXTS_AT_ONCE = 256


class TokenBatch(NamedTuple):
    """Token ids of B texts, padded on the right to the longest.

    Attributes:
        input_ids: int64 [B, S], S >= 1.
        attention_mask: int64 [B, S], 1 = a token, 0 = padding.
    """

    input_ids: Ids
    attention_mask: Ids


class Collisions(NamedTuple):
    """Shares of prompts, in [0, 1].

    Attributes:
        head_only: equal to a different prompt when only the first tokens are kept.
        head_and_tail: equal to a different prompt as these tokens truncate.
        truncated: longer than `max_tokens`.
    """

    head_only: float
    head_and_tail: float
    truncated: float


@dataclass(frozen=True)
class Tokens:
    """Text to token ids; a text that is too long keeps its head and its tail.

    The head is the first `round(head_share * max_tokens)` ids and the tail the last of the rest, counted with
    the special tokens, which survive at both ends. A tokenizer's own truncation and padding are switched off.
    Calls change nothing, so threads may share one object.

    Args:
        tokenizer_json: the text of a `tokenizer.json` file.
        max_tokens: the most ids a text may have, special tokens included.
        head_share: the part of `max_tokens` that the head gets, in [0, 1].
        pad_id: the id that fills the padding.
        prefix: put before every text, as some encoders ask ("query: ").

    Raises:
        ValueError: the file is no tokenizer, or a setting is out of range.

    >>> from tokenizers import models, pre_tokenizers
    >>> words = Tokenizer(models.WordLevel({w: i for i, w in enumerate("_ a b c d e".split())}, "_"))
    >>> words.pre_tokenizer = pre_tokenizers.Whitespace()
    >>> tokens = Tokens(words.to_str(), max_tokens=4)
    >>> tokens(["a b c d e", "b"]).input_ids.tolist()
    [[1, 3, 4, 5], [2, 0, 0, 0]]
    """

    tokenizer_json: str = field(repr=False)
    max_tokens: int
    head_share: float = 0.25
    pad_id: int = 0
    prefix: str = ""
    _tokenizer: Tokenizer = field(init=False, repr=False, compare=False)
    _head: int = field(init=False, repr=False, compare=False)
    _specials: tuple[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0.0 <= self.head_share <= 1.0:
            raise ValueError(f"head_share is {self.head_share}; it must lie in [0, 1]")
        if self.pad_id < 0:
            raise ValueError(f"pad_id is {self.pad_id}; it must be a token id, 0 or more")
        tokenizer = _tokenizer(self.tokenizer_json)
        first, last = _specials(tokenizer)
        if self.max_tokens <= first + last:
            raise ValueError(
                f"max_tokens is {self.max_tokens}; this tokenizer adds {first + last} special tokens, "
                f"so give at least {first + last + 1}"
            )
        head = min(max(round(self.head_share * self.max_tokens), first), self.max_tokens - last)
        object.__setattr__(self, "_tokenizer", tokenizer)
        object.__setattr__(self, "_head", head)
        object.__setattr__(self, "_specials", (first, last))

    def __call__(self, texts: Sequence[str]) -> TokenBatch:
        """Ids and mask of B texts, ready for the encoder."""
        return self.pad(self.truncated_ids(texts))

    def truncated_ids(self, texts: Sequence[str]) -> list[Ids]:
        """The ids of each text, at most `max_tokens` of them, not padded."""
        return [self._cut(ids, self._head) for ids in self._whole(texts)]

    def lengths(self, texts: Sequence[str]) -> Ids:
        """Token counts int64 [B] before truncation, special tokens and prefix included."""
        return np.fromiter((len(ids) for ids in self._whole(texts)), np.int64, len(texts))

    def pad(self, rows: Sequence[Ids]) -> TokenBatch:
        """One batch of ids that `truncated_ids` returned."""
        longest = max((len(row) for row in rows), default=0)
        shape = (len(rows), max(longest, 1))
        batch = TokenBatch(np.full(shape, self.pad_id, np.int64), np.zeros(shape, np.int64))
        for i, row in enumerate(rows):
            batch.input_ids[i, : len(row)] = row
            batch.attention_mask[i, : len(row)] = 1
        return batch

    def collision_report(self, texts: Sequence[str]) -> Collisions:
        """How many prompts truncation makes equal to a different one; prompts that were equal do not count."""
        head_only = self.max_tokens - self._specials[1]
        whole, heads, ours, long = [], [], [], 0
        for ids in self._whole(texts):
            whole.append(_digest(ids))
            heads.append(_digest(self._cut(ids, head_only)))
            ours.append(_digest(self._cut(ids, self._head)))
            long += len(ids) > self.max_tokens
        return Collisions(_collided(heads, whole), _collided(ours, whole), long / max(len(whole), 1))

    @property
    def fingerprint(self) -> str:
        """The sha256 over tokenizer and settings."""
        digest = sha256(self.tokenizer_json.encode())
        digest.update(repr(sorted(self.to_json().items())).encode())
        return digest.hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The settings without the tokenizer's text, which is a file of its own."""
        return {name: kind(getattr(self, name)) for name, kind in _SETTINGS.items()}

    @classmethod
    def from_json(cls, tokenizer_json: str, settings: Mapping[str, Any]) -> Self:
        """The tokens that `to_json` described.

        Raises:
            ValueError: a setting is missing, unknown or of the wrong type.
        """
        if set(settings) != set(_SETTINGS):
            raise ValueError(f"token settings are {sorted(settings)}; they must be {sorted(_SETTINGS)}")
        for name, kind in _SETTINGS.items():
            if not isinstance(settings[name], kind):
                raise ValueError(f"token setting {name} is {settings[name]!r}; it must be {kind.__name__}")
        return cls(tokenizer_json, **settings)

    def _whole(self, texts: Sequence[str]) -> Iterator[Ids]:
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            # "replace": half a surrogate pair, which broken logs hold, has no UTF-8
            chunk = [
                (self.prefix + text).encode("utf-8", "replace").decode()
                for text in texts[start : start + _TEXTS_AT_ONCE]
            ]
            for encoding in self._tokenizer.encode_batch_fast(chunk):
                yield np.array(encoding.ids, np.int64)

    def _cut(self, ids: Ids, head: int) -> Ids:
        if len(ids) <= self.max_tokens:
            return ids
        return np.concatenate([ids[:head], ids[len(ids) - (self.max_tokens - head) :]])


def _tokenizer(text: str) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # tokenizers raises no narrower class
        raise ValueError(f"not a tokenizer.json: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _specials(tokenizer: Tokenizer) -> tuple[int, int]:
    """How many special tokens the tokenizer puts before and after a text."""
    mask = tokenizer.encode("a").special_tokens_mask
    if 0 not in mask:
        return len(mask), 0
    return mask.index(0), mask[::-1].index(0)


def _digest(ids: Ids) -> bytes:
    return sha256(ids.tobytes()).digest()


def _collided(cut: list[bytes], whole: list[bytes]) -> float:
    """The share of rows whose `cut` also belongs to a row with another `whole`."""
    sources: dict[bytes, set[bytes]] = defaultdict(set)
    for key, origin in zip(cut, whole, strict=True):
        sources[key].add(origin)
    return sum(len(sources[key]) > 1 for key in cut) / max(len(cut), 1)
