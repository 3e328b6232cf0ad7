"""What each token of a vocabulary writes, as bytes: the only thing that models with different tokenizers share."""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256


@dataclass(frozen=True)
class TokenBytes:
    """The bytes of every id that a model has a logit for.

    Args:
        written: V entries; None for special tokens and for ids that the tokenizer does not know, which no text is made
            of. The bytes need not be whole characters.
        ends: ids that end a text.

    >>> TokenBytes((b"a", b"b", None), frozenset({2})).ids[b"b"]
    1
    """

    written: tuple[bytes | None, ...] = field(repr=False)
    ends: frozenset[int]

    def __len__(self) -> int:
        return len(self.written)

    @cached_property
    def ids(self) -> dict[bytes, int]:
        """The id that writes some bytes; of several the lowest."""
        return {text: token for token, text in reversed([*enumerate(self.written)]) if text is not None}

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of all of it, in hexadecimal."""
        digest = sha256(f"{len(self.written)} {sorted(self.ends)}".encode())
        for token, text in enumerate(self.written):
            if text is not None:
                digest.update(b"%d %d " % (token, len(text)) + text)
        return digest.hexdigest()
