"""Unions of vocabularies on disk: the same models need not be put together with each start."""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from itertools import accumulate, pairwise
from pathlib import Path
from uuid import uuid4

import torch
from safetensors.torch import load, save

from anabranch.data.cache_folder import cache_folder
from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.token_bytes import TokenBytes

_SCHEMA = 1
_DIGEST_BYTES = 32


def cached_union(vocabularies: Sequence[TokenBytes], folder: Path | None = None) -> UnionMap:
    """`UnionMap.of` these vocabularies, read from a file if there is one, and else written to it.

    The file's name is the sha256 of what all vocabularies write, in their order; it holds its own digest, then
    safetensors. One that is damaged, or is another's, is made anew. Where nothing can be written, nothing is kept.

    Args:
        vocabularies: M.
        folder: made when first needed; in `cache_folder` if None.
    """
    key = sha256(" ".join([str(_SCHEMA), *(one.fingerprint for one in vocabularies)]).encode()).hexdigest()
    path = (folder or cache_folder("unions")) / f"{key}.union"
    union = _read(path)
    if union is None:
        union = UnionMap.of(vocabularies)
        with suppress(OSError):
            _write(path, union)
    return union


def _read(path: Path) -> UnionMap | None:
    try:
        contents = path.read_bytes()
    except OSError:
        return None
    body = contents[_DIGEST_BYTES:]
    return _unpacked(body) if contents[:_DIGEST_BYTES] == _digest(path, body) else None


def _write(path: Path, union: UnionMap) -> None:
    body = _packed(union)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{uuid4().hex[:12]}.unfinished")
    try:
        unfinished.write_bytes(_digest(path, body) + body)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _digest(path: Path, body: bytes) -> bytes:
    # of the name as well: under another name it would be another union
    return sha256(path.name.encode() + body).digest()


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
