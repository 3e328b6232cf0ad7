"""What the tokens of several models write, put together: one number for the same bytes, whoever writes them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from anabranch.upstreams.local.token_bytes import TokenBytes

_Written = Sequence[bytes | None]


@dataclass(frozen=True, eq=False)
class UnionMap:
    """U symbols, which are all that any of M models writes in one token, sorted by their bytes, and last the end.

    The symbols do not depend on the order of the models. An id that ends a text is the end whatever it writes; ids that
    write nothing are at place U, beyond all symbols.

    Source: Yu et al. 2024, arXiv 2406.12585.

    Args:
        texts: U, the bytes of each symbol; those of the end are empty.
        columns: M, int64 (V of the model): the symbol of each id.
        first_ids: M, int64 (U): the id that a symbol begins with, of several the one that writes most of it, and of
            those the lowest; for the end the lowest id that ends a text; -1 if there is none.

    >>> one = TokenBytes((b"b", b"a", None), frozenset({2}))
    >>> union = UnionMap.of([one, TokenBytes((b"a", b"ab", None, None), frozenset({3}))])
    >>> union.texts
    (b'a', b'ab', b'b', b'')
    >>> [column.tolist() for column in union.columns], [first.tolist() for first in union.first_ids]
    ([[2, 0, 3], [0, 1, 4, 3]], [[1, 1, 0, 2], [0, 1, -1, 3]])
    """

    texts: tuple[bytes, ...] = field(repr=False)
    columns: tuple[Tensor, ...] = field(repr=False)
    first_ids: tuple[Tensor, ...] = field(repr=False)

    @classmethod
    def of(cls, vocabularies: Sequence[TokenBytes]) -> "UnionMap":
        """The union of M vocabularies."""
        written = [_without_ends(vocabulary) for vocabulary in vocabularies]
        strings: set[bytes | None] = set().union(*written)
        texts = sorted(text for text in strings if text is not None)
        symbols: dict[bytes | None, int] = {text: symbol for symbol, text in enumerate(texts)}
        symbols[None] = len(texts) + 1
        columns, first_ids = [], []
        for vocabulary, each in zip(vocabularies, written, strict=True):
            ends = sorted(end for end in vocabulary.ends if end < len(each))
            columns.append(torch.tensor([symbols[text] for text in each], dtype=torch.int64))
            columns[-1][ends] = len(texts)
            first_ids.append(torch.tensor([*_first_ids(each, texts), ends[0] if ends else -1]))
        return cls((*texts, b""), tuple(columns), tuple(first_ids))

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def end(self) -> int:
        """The symbol that ends a text."""
        return len(self.texts) - 1

    @cached_property
    def symbols(self) -> Tensor:
        """All of them, int64 (U,)."""
        return torch.arange(len(self), device=self.columns[0].device)

    @cached_property
    def exact(self) -> tuple[Tensor, ...]:
        """M, bool (U): whether the model has a token that is the symbol, and not only one that the symbol begins with.

        Its symbol is `columns` of that id, so of all symbols that begin with an id one at the most is exact.
        """
        pairs = zip(self.columns, self.first_ids, strict=True)
        return tuple((first >= 0) & (column[first] == torch.arange(len(self))) for column, first in pairs)

    def given(self, place: int, probabilities: Tensor) -> Tensor:
        """What one model gives each symbol, float32 (n, U): the sum over its ids that write the same.

        Args:
            place: of the model.
            probabilities: (n, V of the model); what ids have that write nothing is lost.
        """
        given = probabilities.new_zeros(len(probabilities), len(self) + 1)
        return given.index_add_(1, self.columns[place], probabilities)[:, :-1]

    def merge(self, probabilities: Sequence[Tensor], weights: Tensor) -> Tensor:
        """The weighted mean of what models give each symbol, float32 (n, U).

        Args:
            probabilities: M, (n, V of the model).
            weights: (n, M).

        >>> union = UnionMap.of([TokenBytes((b"a", b"a", None), frozenset({2})), TokenBytes((b"b", None), frozenset())])
        >>> union.merge([torch.tensor([[0.2, 0.3, 0.5]]), torch.tensor([[1.0, 0.0]])], torch.tensor([[0.5, 0.5]]))
        tensor([[0.2500, 0.5000, 0.2500]])
        """
        merged = probabilities[0].new_zeros(len(weights), len(self) + 1)
        for place, (column, each) in enumerate(zip(self.columns, probabilities, strict=True)):
            merged.index_add_(1, column, weights[:, place, None] * each)
        return merged[:, :-1]


def _without_ends(vocabulary: TokenBytes) -> list[bytes | None]:
    return [None if token in vocabulary.ends else text for token, text in enumerate(vocabulary.written)]


def _first_ids(written: _Written, texts: Sequence[bytes]) -> list[int]:
    ids = {text: token for token, text in reversed([*enumerate(written)]) if text is not None}
    beginnings, found = [(b"", -1)], []
    for text in texts:  # sorted, so what a text begins with came before it, and all between begins with that too
        while not text.startswith(beginnings[-1][0]):
            beginnings.pop()
        if text in ids:
            beginnings.append((text, ids[text]))
        found.append(beginnings[-1][1])
    return found
