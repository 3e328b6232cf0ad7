"""Unions of vocabularies on disk: the same models need not be put together with each start."""

from collections.abc import Sequence
from hashlib import sha256
from itertools import accumulate, pairwise
from pathlib import Path

import torch
from safetensors.torch import load, save

from anabranch.data.cache_folder import cache_folder
from anabranch.serving.fusion.during.checked_file import read_checked, write_checked
from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.token_bytes import TokenBytes

_SCHEMA = 1


def cached_union(vocabularies: Sequence[TokenBytes], folder: Path | None = None) -> UnionMap:
    """`UnionMap.of` these vocabularies, read from a file if there is one, and else written to it.

    The file's name is the sha256 of what all vocabularies write, in their order; it holds safetensors, see
    `checked_file`. One that is damaged, or is another's, is made anew. Where nothing can be written, nothing is kept.

    Args:
        vocabularies: M.
        folder: made when first needed; in `cache_folder` if None.
    """
    key = sha256(" ".join([str(_SCHEMA), *(one.fingerprint for one in vocabularies)]).encode()).hexdigest()
    path = (folder or cache_folder("unions")) / f"{key}.union"
    kept = read_checked(path)
    if kept is not None:
        return _unpacked(kept)
    union = UnionMap.of(vocabularies)
    write_checked(path, _packed(union))
    return union


def _packed(union: UnionMap) -> bytes:
    tensors = {
        "bytes": torch.frombuffer(bytearray(b"".join(union.texts)) or bytearray(1), dtype=torch.uint8),
        "sizes": torch.tensor([len(text) for text in union.texts], dtype=torch.int32),
    }
    for place, (column, first) in enumerate(zip(union.columns, union.first_ids, strict=True)):
        tensors |= {f"column.{place}": column.int(), f"first.{place}": first.int()}
    return save(tensors)


def _unpacked(body: bytes) -> UnionMap:
    tensors = load(body)
    joined = tensors["bytes"].numpy().tobytes()
    ends = accumulate(tensors["sizes"].tolist(), initial=0)
    models = range(len(tensors) // 2 - 1)
    columns, first_ids = ([tensors[f"{name}.{place}"].long() for place in models] for name in ("column", "first"))
    return UnionMap(tuple(joined[a:b] for a, b in pairwise(ends)), tuple(columns), tuple(first_ids))
