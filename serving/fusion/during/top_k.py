"""The likeliest symbols of each model, put together, and what every model thinks of all of them."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from anabranch.serving.fusion.during.union_map import UnionMap


class TopK(NamedTuple):
    """What M models think of the same K symbols, for n texts.

    Args:
        symbol: int64 (n, K), of the union, rising; what is left over at the end of a row is the end of texts.
        probability: float32 (n, M, K), of each model among these symbols; a row sums to 1, or to 0 if the model can
            write none of them.
    """

    symbol: Tensor
    probability: Tensor

    @classmethod
    def of(cls, said: Sequence[Tensor], union: UnionMap, weights: Tensor, k: int, *, begun: bool = True) -> "TopK":
        """The union of all models' k likeliest symbols; a model of weight 0 names none.

        Args:
            said: M, log-probabilities (n, V of the model).
            union: of the M vocabularies.
            weights: (n, M).
            k: symbols of each model.
            begun: give a symbol that a model cannot write in one token what the model gives the token that the symbol
                begins with, the longest one there is; if several symbols begin with the same token, one alone gets it:
                the one that it writes whole, or else the first by its bytes. If not, such a symbol is given nothing.
        """
        given = [union.given(place, one.exp()) for place, one in enumerate(said)]
        best = [one.topk(min(k, one.shape[1]), dim=1).indices for one in given]
        symbol = _together(best, weights)  # (n, K)
        known = symbol < len(union)
        symbol = symbol.clamp(max=union.end)
        probability = []
        for place, (one, whole) in enumerate(zip(said, given, strict=True)):
            score = _scores(one, whole, union, place, symbol, begun).masked_fill(~known, -torch.inf)
            probability.append(score.softmax(dim=1).nan_to_num(0.0))
        return cls(symbol, torch.stack(probability, dim=1))


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


def _scores(said: Tensor, whole: Tensor, union: UnionMap, place: int, symbols: Tensor, begun: bool) -> Tensor:
    """Log-probabilities of symbols (n, K) by one model; -inf for those to which it gives nothing."""
    exact = union.exact[place][symbols]
    score = whole.gather(1, symbols).log().masked_fill(~exact, -torch.inf)
    if not begun:
        return score
    first = union.first_ids[place][symbols]  # (n, K), the token that a symbol begins with; -1 if there is none
    # sorted by token, whole ones first, then by bytes: the first of each token gets it
    width = symbols.shape[1]
    order = (first * 2 * width + (~exact) * width + torch.arange(width, device=first.device)).sort(dim=1)
    token = first.gather(1, order.indices)
    again = torch.zeros_like(exact)
    again[:, 1:] = token[:, 1:] == token[:, :-1]
    taken = torch.zeros_like(exact).scatter(1, order.indices, again) | (first < 0)
    return torch.where(exact | taken, score, said.gather(1, first.clamp(min=0)))
