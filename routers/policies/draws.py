"""The randomness of policies that explore: one number a text, so that a decision replays wherever it is made again."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

BITS = 53  # of a float64 between 0 and 1; all of them are exact


def draws(texts: Sequence[str], seed: int = 0) -> NDArray[np.float64]:
    """A number in [0, 1) for each of B routing texts, `Situation.u`; float64 (B,).

    It is a hash, so that every machine and process, offline or serving, draws alike: the same text always gets the
    same number, and any other text another one. A turn of a conversation has a text of its own and so draws anew;
    who repeats a text word by word gets the same number again.

    Args:
        texts: routing texts, see `routing_text`.
        seed: another seed draws anew for every text; at least 0 and below 2^64.

    >>> draws(["a", "b", "a"]).round(3).tolist()
    [0.185, 0.458, 0.185]
    """
    salt = seed.to_bytes(8, "little")
    return np.array([_fraction(blake2b(_bytes(text), digest_size=8, salt=salt).digest()) for text in texts], np.float64)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")  # half an emoji is a text too


def _fraction(digest: bytes) -> float:
    return (int.from_bytes(digest, "little") >> 64 - BITS) / (1 << BITS)
