"""Models that are tables: what follows a text is a fixed law of its bytes."""

from collections.abc import Callable, Sequence
from zlib import crc32

import torch
from torch import Tensor

from anabranch.upstreams.local.token_bytes import TokenBytes
from anabranch.upstreams.local.token_model import Work

Law = Callable[[bytes], Tensor]
"""The bytes written so far to logits (V,)."""


class TableModel:
    """A `TokenModel` whose law reads bytes alone, so that it does not matter with which tokens they were written.

    Work is counted as a model with a cache would: an ask of rows, some of which were written since, is a forward.

    Args:
        written: what its ids write, special ones None.
        ends: ids that end a text.
        law: of what follows.
    """

    def __init__(self, written: Sequence[bytes | None], ends: Sequence[int], law: Law) -> None:
        self.vocabulary = TokenBytes(tuple(written), frozenset(ends))
        self.work = Work()
        self.window: int | None = None
        self.law = law
        self.dropped: list[int] = []
        self._texts: dict[int, bytes] = {}
        self._asked: dict[int, bytes] = {}

    def open(self, prompts: Sequence[Sequence[int]]) -> list[int]:
        rows = range(len(self._texts), len(self._texts) + len(prompts))
        self._texts |= dict.fromkeys(rows, b"")
        return [*rows]

    def advance(self, row: int, most: int) -> int:
        return 0

    def next(self, rows: Sequence[int]) -> Tensor:
        new = [row for row in rows if self._asked.get(row) != self._texts[row]]
        self.work.forwards += bool(new)
        for row in new:
            self.work.tokens += 1
            self._asked[row] = self._texts[row]
        return torch.stack([self._said(self._texts[row]) for row in rows])

    def write(self, row: int, text: bytes) -> None:
        self._texts[row] = text

    def ids(self, row: int) -> tuple[int, ...]:
        return tuple(self.vocabulary.ids[bytes([byte])] for byte in self._texts[row])

    def heard(self, row: int, most: int) -> Tensor:
        """The law of what was written of a prompt, of which the ids are counted and not read."""
        return self.next([row])

    def score(self, rows: Sequence[int], texts: Sequence[Sequence[bytes]]) -> list[list[Tensor]]:
        """A token a byte; one forward that reads them all, and leaves the rows as they were."""
        self.work.forwards += any(map(any, texts))
        self.work.tokens += sum(len(text) for more in texts for text in more)
        return [[self._scored(self._texts[row], text) for text in more] for row, more in zip(rows, texts, strict=True)]

    def _scored(self, before: bytes, text: bytes) -> Tensor:
        scores = []
        for at in range(len(text)):
            token = self.vocabulary.ids[text[at : at + 1]]
            scores.append(self._said(before + text[:at])[token])
        return torch.stack(scores) if scores else torch.zeros(0)

    def _said(self, text: bytes) -> Tensor:
        mute = torch.tensor([one is None for one in self.vocabulary.written])
        mute[[*self.vocabulary.ends]] = False
        return self.law(text).masked_fill(mute, -torch.inf).log_softmax(dim=0)

    def fork(self, row: int) -> int:
        (new,) = self.open([()])
        self._texts[new] = self._texts[row]
        return new

    def drop(self, rows: Sequence[int]) -> None:
        self.dropped += rows


def law(size: int, seed: int, sharpness: float = 2.0) -> Law:
    """Logits that depend on the last two bytes and on how many there are."""

    def of(text: bytes) -> Tensor:
        generator = torch.Generator().manual_seed(crc32(b"%d %d " % (seed, len(text)) + text[-2:]))
        return sharpness * torch.randn(size, generator=generator)

    return of


def letters(seed: int, *more: bytes) -> TableModel:
    """Tokens a to d and some longer ones, a special token that writes nothing, and an end."""
    written: list[bytes | None] = [b"a", b"b", b"c", b"d", *more, None, None]
    return TableModel(written, [len(written) - 1], law(len(written), seed))


def words(seed: int, *more: bytes) -> TableModel:
    """Tokens a and b, blanks, some tokens of several bytes, a special token that writes nothing, and an end."""
    written: list[bytes | None] = [b"a", b"b", b" ", b"\n", b" a", b"ba", *more, None, None]
    return TableModel(written, [len(written) - 1], law(len(written), seed))
