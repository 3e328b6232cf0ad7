"""The likeliest tokens of each model, put together, and what every model thinks of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anabranch.serving.fusion.during.table import Table
from anabranch.serving.fusion.during.union_map import UnionMap


@dataclass(frozen=True)
class TopKUnion:
    """Each model's probabilities over the union of all models' k likeliest symbols, averaged (UniTE).

    A symbol that a model cannot write in one token is given what the model gives the token that the symbol begins with,
    the longest one there is. If several symbols begin with the same token, one alone gets it: the one that it writes
    whole, or else the first by its bytes.

    Args:
        k: symbols of each model.
    """

    k: int = 10

    def __call__(self, said: Sequence[Tensor], union: UnionMap, weights: Tensor) -> Table:
        """See `Merge`."""
        given = [union.given(place, one.exp()) for place, one in enumerate(said)]
        best = [one.topk(min(self.k, one.shape[1]), dim=1).indices for one in given]
        symbols = _together(best, weights)  # (n, K)
        known = symbols < len(union)
        symbols = symbols.clamp(max=len(union) - 1)
        total = torch.zeros_like(symbols, dtype=weights.dtype)
        for place, (one, whole) in enumerate(zip(said, given, strict=True)):
            score = _scores(one, whole, union, place, symbols).masked_fill(~known, -torch.inf)
            total += weights[:, place, None] * score.softmax(dim=1).nan_to_num(0.0)
        return Table(symbols, total)


def _together(symbols: Sequence[Tensor], weights: Tensor) -> Tensor:
    """The distinct symbols of each row, rising, (n, K); what is left over is beyond every symbol.

    A model of weight 0 names none.
    """
    beyond = torch.iinfo(torch.int64).max
    named = [one.masked_fill(weights[:, place, None] == 0, beyond) for place, one in enumerate(symbols)]
    rising = torch.cat(named, dim=1).sort(dim=1).values
    again = torch.zeros_like(rising, dtype=torch.bool)
    again[:, 1:] = rising[:, 1:] == rising[:, :-1]
    return rising.masked_fill(again, beyond).sort(dim=1).values


def _scores(said: Tensor, whole: Tensor, union: UnionMap, place: int, symbols: Tensor) -> Tensor:
    """Log-probabilities of symbols (n, K) by one model; -inf for those whose token another one gets."""
    first = union.first_ids[place][symbols]  # (n, K), the token that a symbol begins with; -1 if there is none
    exact = union.exact[place][symbols]
    score = torch.where(exact, whole.gather(1, symbols).log(), said.gather(1, first.clamp(min=0)))
    # sorted by token, whole ones first, then by bytes: the first of each token gets it
    width = symbols.shape[1]
    order = (first * 2 * width + (~exact) * width + torch.arange(width, device=first.device)).sort(dim=1)
    token = first.gather(1, order.indices)
    again = torch.zeros_like(exact)
    again[:, 1:] = token[:, 1:] == token[:, :-1]
    taken = torch.zeros_like(exact).scatter(1, order.indices, again) | (first < 0)
    return score.masked_fill(taken & ~exact, -torch.inf)
