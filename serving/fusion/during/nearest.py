"""What stands in one vocabulary for each symbol of another: the same bytes, or else the nearest (MinED)."""

import logging
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anabranch.data.cache_folder import cache_folder
from anabranch.serving.fusion.during.checked_file import read_checked, write_checked
from anabranch.serving.fusion.during.union_map import UnionMap

logger = logging.getLogger(__name__)

MISSING = ("nearest", "prefix")
LARGE = 10**8  # pairs of tokens, beyond which progress is logged
_SCHEMA = 1
_BLOCK = 2**24  # distances at once


def symbols_of(union: UnionMap, place: int) -> Tensor:
    """The symbols that one model can write in one token, int64 (S,), rising."""
    column = union.columns[place]
    return torch.tensor(sorted({*column.tolist()} - {len(union)}), dtype=torch.int64, device=column.device)


def stand_ins(union: UnionMap, reference: int, place: int, missing: str) -> Tensor:
    """What one model has for each symbol of another, int64 (S of the reference): symbols, U where it has nothing.

    It is the symbol itself where the model can write it in one token. The end stands for nothing but itself.

    Args:
        union: of vocabularies.
        reference: place of the model whose symbols are wanted.
        place: of the model that has others.
        missing: for a symbol that it cannot write, `nearest` is the one at the least edit distance, in bytes, see
            `nearest`; `prefix` the longest that the symbol begins with.
    """
    symbols = symbols_of(union, reference)
    first = union.first_ids[place][symbols]
    found = torch.where(first >= 0, union.columns[place][first], len(union))  # itself, where it is written whole
    lacking = ~union.exact[place][symbols] & (symbols != union.end)
    columns = union.columns[place].tolist()
    offered = [symbol for symbol in dict.fromkeys(columns) if symbol < union.end]  # by their lowest ids
    if missing == "nearest" and offered and lacking.any():
        wanted = [union.texts[symbol] for symbol in symbols[lacking].tolist()]
        places = nearest(wanted, [union.texts[symbol] for symbol in offered])
        found[lacking] = torch.tensor(offered, device=found.device)[places]
    return found


def nearest(wanted: Sequence[bytes], offered: Sequence[bytes], folder: Path | None = None) -> list[int]:
    """The place of the text at the least edit distance from each wanted one.

    Of several the one that begins with most of what is wanted, and of those the first. What was found is kept in a
    file, see `checked_file`, since it takes a distance for each pair.

    Source: MinED, as in Mavromatis et al. 2024, arXiv 2404.11531.

    Args:
        wanted: texts.
        offered: one or more texts.
        folder: made when first needed; in `cache_folder` if None.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     nearest([b"color", b"dog"], [b"colony", b"do", b"colour"], Path(folder))
    [2, 1]
    """
    path = (folder or cache_folder("nearest")) / f"{_digest(wanted, offered)}.nearest"
    kept = read_checked(path)
    if kept is None:
        kept = np.fromiter(_searched(wanted, offered), dtype="<i4", count=len(wanted)).tobytes()
        write_checked(path, kept)
    places: list[int] = np.frombuffer(kept, dtype="<i4").tolist()
    return places


def _digest(wanted: Sequence[bytes], offered: Sequence[bytes]) -> str:
    digest = sha256(b"%d %d %d" % (_SCHEMA, len(wanted), len(offered)))
    for text in (*wanted, *offered):
        digest.update(b" %d " % len(text) + text)
    return digest.hexdigest()


def _searched(wanted: Sequence[bytes], offered: Sequence[bytes]) -> Iterator[int]:
    padded = _padded(offered)
    rows = max(1, _BLOCK // len(offered))
    large = len(wanted) * len(offered) > LARGE
    for begin in range(0, len(wanted), rows):
        if large:
            logger.info("nearest tokens: %d of %d found", begin, len(wanted))
        block = wanted[begin : begin + rows]
        for text, distance in zip(block, _distances(block, offered), strict=True):
            yield _best(text, distance, padded)


def _distances(wanted: Sequence[bytes], offered: Sequence[bytes]) -> NDArray[np.unsignedinteger]:
    """Edit distances (wanted, offered)."""
    try:
        from rapidfuzz.distance import Levenshtein
        from rapidfuzz.process import cdist
    except ImportError as error:
        raise ValueError(
            "the nearest tokens are found by rapidfuzz: pip install 'anabranch[train]', or set missing to 'prefix'"
        ) from error
    narrow = max(map(len, (*wanted, *offered))) < 256
    return cdist(wanted, offered, scorer=Levenshtein.distance, dtype=np.uint8 if narrow else np.uint16, workers=-1)


def _best(text: bytes, distance: NDArray[np.unsignedinteger], padded: NDArray[np.int16]) -> int:
    tied = np.flatnonzero(distance == distance.min())
    if len(tied) == 1:
        return int(tied[0])
    begun = padded[tied, : len(text)]  # (ties, bytes)
    same = begun == np.frombuffer(text, dtype=np.uint8)[: begun.shape[1]]
    return int(tied[np.logical_and.accumulate(same, axis=1).sum(axis=1).argmax()])


def _padded(texts: Sequence[bytes]) -> NDArray[np.int16]:
    """Texts as rows of bytes, -1 beyond their ends."""
    padded = np.full((len(texts), max(map(len, texts))), -1, dtype=np.int16)
    for row, text in zip(padded, texts, strict=True):
        row[: len(text)] = np.frombuffer(text, dtype=np.uint8)
    return padded
