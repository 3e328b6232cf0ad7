"""What fused texts hold beside the weights: keys and values of every model, and nothing that grows with them."""

import gc
from collections.abc import Sequence
from typing import Any

import torch

from anabranch.serving.fusion.during.ensemble import Ensemble
from anabranch.serving.fusion.during.gac import GaC
from benchmarks.fusion.models import PAIRS, Member, prose

STEPS = 64
MOST = 1.1  # of what caches are made for, over the caches

Row = dict[str, Any]


def memory(pairs: Sequence[str] = tuple(PAIRS), prefix: int = 1024, batch: int = 8, *, device: str = "cpu") -> Row:
    """Bytes of all tensors that a fused batch added, over those of the models' caches with their room to grow."""
    rows = [_held(pair, PAIRS[pair](device), prefix, batch) for pair in pairs]
    return {"rows": rows, "goals": {f"{row['pair']}_nothing_but_caches": row["over_caches"] <= MOST for row in rows}}


def _held(pair: str, members: Sequence[Member], prefix: int, batch: int) -> Row:
    ensemble = Ensemble.of([member.rows for member in members])
    script = prose()
    ids = [member.ids(script)[:prefix] for member in members]
    before = _tensors()
    texts = ensemble.begin([ids] * batch)
    for _ in range(STEPS):
        for text, (added, *_) in zip(texts, GaC()(ensemble, texts), strict=True):
            text.written += added.written
    held = _tensors() - before
    caches = sum(_cache(member) for member in members)
    columns = sum(_column(member) * batch * (prefix + STEPS) for member in members)
    row = {"pair": pair, "prefix": prefix, "batch": batch, "held": held, "caches": caches, "in_use": columns}
    return {**row, "over_caches": held / caches, "over_in_use": held / columns}


def _tensors() -> int:
    """Bytes of all tensors that are alive, views of one storage once."""
    gc.collect()
    storages = {}
    for one in gc.get_objects():
        if type(one) in (torch.Tensor, torch.nn.Parameter):
            storage = one.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def _cache(member: Member) -> int:
    layers = member.rows._cache.placed_layers
    return sum(each.nbytes for layer in layers for each in (layer.keys, layer.values))


def _column(member: Member) -> int:
    """Bytes of one id's keys and values."""
    layers = member.rows._cache.placed_layers
    return sum(each[0, :, 0].nbytes for layer in layers for each in (layer.keys, layer.values))
