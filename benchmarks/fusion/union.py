"""Putting vocabularies together; times are of the processor, the best of several."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from anabranch.serving.fusion.during.union_cache import cached_union
from anabranch.serving.fusion.during.union_map import UnionMap
from anabranch.upstreams.local.token_bytes import TokenBytes
from benchmarks.timing import best_ms

UNION_S = 2.0
LONGEST, SHORT = 24, 1000  # bytes of a token, and the first tokens, one of which each merge ends with

Row = dict[str, Any]


def merged_tokens(count: int, seed: int = 0) -> list[bytes]:
    """Distinct tokens: all bytes, then merges of two earlier ones."""
    rng = np.random.default_rng(seed)
    tokens = dict.fromkeys(bytes([byte]) for byte in range(256))
    earlier = [*tokens]
    while len(earlier) < count:
        one, other = rng.random(2)
        merged = earlier[int(one * len(earlier))] + earlier[int(other * min(len(earlier), SHORT))]
        if len(merged) <= LONGEST and merged not in tokens:
            tokens[merged] = None
            earlier.append(merged)
    return earlier


def vocabulary(tokens: list[bytes], ids: int, seed: int) -> TokenBytes:
    """All bytes and some of the other tokens, in an order of its own; then an end, and padding."""
    silent = ids // 1000 + 1
    rng = np.random.default_rng(seed)
    others = rng.permutation(len(tokens) - 256)[: ids - silent - 256] + 256
    written = [*tokens[:256], *(tokens[token] for token in others)]
    return TokenBytes((*written, *[None] * silent), frozenset({len(written)}))


def union(ids: int = 128_000, models: int = 2, *, repeats: int = 5) -> Row:
    """Seconds that it takes to put vocabularies together; milliseconds to read that, and to merge a step."""
    tokens = merged_tokens(ids * 4 // 3)
    vocabularies = [vocabulary(tokens, ids, seed) for seed in range(models)]
    whole = UnionMap.of(vocabularies)
    said = [torch.rand(1, ids).softmax(dim=1) for _ in range(models)]
    weights = torch.full((1, models), 1 / models)
    build_s = best_ms(lambda: UnionMap.of(vocabularies), repeats) / 1000
    with tempfile.TemporaryDirectory() as folder:
        # fresh ones, since a vocabulary remembers its digest
        read_ms = best_ms(lambda: cached_union([replace(one) for one in vocabularies], Path(folder)), repeats)
    merge_ms = best_ms(lambda: whole.merge(said, weights), 10 * repeats)
    times = {"build_s": build_s, "read_ms": read_ms, "merge_ms": merge_ms}
    row = {"models": models, "ids": ids, "symbols": len(whole), **times}
    return {**row, "limit_s": UNION_S, "goals": {f"build_under_{UNION_S:g}_s": build_s < UNION_S}}
