"""The union of vocabularies as the vocabulary of one model."""

from collections.abc import Sequence

from anabranch.serving.fusion.during.union_map import UnionMap


class Symbols:
    """Symbols to text, as a tokenizer does it.

    Args:
        union: of the models' vocabularies.

    >>> from anabranch.upstreams.local.token_bytes import TokenBytes
    >>> symbols = Symbols(UnionMap.of([TokenBytes((b"n", "é".encode(), b"t", None), frozenset({3}))]))
    >>> symbols.decode([0, 2, 1, 3])
    'nét'
    """

    def __init__(self, union: UnionMap) -> None:
        self._texts = union.texts

    def decode(self, symbols: Sequence[int]) -> str:
        """The text of symbols; the end is none of it, and U+FFFD stands for what is no whole character."""
        return b"".join(self._texts[symbol] for symbol in symbols).decode("utf-8", "replace")

    def text_of(self, symbol: int) -> str:
        """The text of one symbol."""
        return self.decode([symbol])
