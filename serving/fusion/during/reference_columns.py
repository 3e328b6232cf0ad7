"""What models give to the symbols of one of them, by what each has in their place."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from anabranch.serving.fusion.during.nearest import stand_ins
from anabranch.serving.fusion.during.union_map import UnionMap

LOWEST = -87.0  # of what a model has nothing for: -inf would forbid it, however little the model counts


class Columns(NamedTuple):
    """Where to find what one model gives each of S symbols of the reference.

    Args:
        symbol: int64 (S,), what it has in their place, see `stand_ins`.
        token: int64 (S,), the id of that, of several the lowest; 0 where it has nothing.
        lacking: int64 (L,), which of the S it has nothing for.
        shared: int64 (D,), which of the S several ids stand for.
        tokens: int64 (D, r), these ids; -1 where there are fewer.
    """

    symbol: Tensor
    token: Tensor
    lacking: Tensor
    shared: Tensor
    tokens: Tensor

    @classmethod
    def of(cls, union: UnionMap, reference: int, place: int, missing: str) -> "Columns":
        """As in `stand_ins`."""
        symbol = stand_ins(union, reference, place, missing)
        writers: dict[int, list[int]] = defaultdict(list)
        for token, each in enumerate(union.columns[place].tolist()):
            writers[each].append(token)
        writers[len(union)] = []  # those that write nothing stand for nothing
        found = [writers[each] for each in symbol.tolist()]
        lacking = [at for at, ids in enumerate(found) if not ids]
        shared = [at for at, ids in enumerate(found) if len(ids) > 1]
        most = max((len(found[at]) for at in shared), default=1)
        padded = [[*found[at], *[-1] * (most - len(found[at]))] for at in shared]

        def tensor(ids: object) -> Tensor:
            return torch.tensor(ids, dtype=torch.int64, device=symbol.device)

        lowest = tensor([ids[0] if ids else 0 for ids in found])
        return cls(symbol, lowest, tensor(lacking), tensor(shared), tensor(padded).view(-1, most))

    def logs(self, said: Tensor) -> Tensor:
        """Log-probabilities of the S symbols, float32 (n, S), of those of the model's ids, (n, V)."""
        logs = said.index_select(1, self.token)
        if len(self.shared):
            several = said[:, self.tokens.clamp(min=0)]  # (n, D, r)
            logs[:, self.shared] = several.masked_fill(self.tokens < 0, -torch.inf).logsumexp(dim=2)
        logs[:, self.lacking] = LOWEST
        return logs


_FOUND: WeakKeyDictionary[UnionMap, dict[tuple[int, int, str], Columns]] = WeakKeyDictionary()


def columns(union: UnionMap, reference: int, place: int, missing: str) -> Columns:
    """As `Columns.of`, and kept as long as the union is."""
    found = _FOUND.setdefault(union, {})
    key = (reference, place, missing)
    if key not in found:
        found[key] = Columns.of(union, reference, place, missing)
    return found[key]


def mixed(union: UnionMap, reference: int, said: Mapping[int, Tensor], weights: Tensor, missing: str) -> Tensor:
    """The weighted mean of models' log-probabilities of the reference's symbols, float32 (n, S).

    Args:
        union: of vocabularies.
        reference: place of the model whose symbols are wanted.
        said: log-probabilities (n, V) of models by their places.
        weights: (n, M).
        missing: see `stand_ins`.
    """
    total = torch.zeros(())
    for place, each in said.items():
        total = total + weights[:, place, None] * columns(union, reference, place, missing).logs(each)
    return total
