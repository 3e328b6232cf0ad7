"""What may follow texts, whoever thinks so, and the choice of one of it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from anabranch.upstreams.local.choice import choose
from anabranch.upstreams.local.sampling import Sampling

SAME = 4  # tokens more than are wanted, as a model may have several for one symbol


class Table(NamedTuple):
    """Possible continuations of n texts.

    Args:
        symbol: int64 (n, K), of a union of vocabularies.
        weight: float32 (n, K), not negative, not all 0; proportional to probability.
    """

    symbol: Tensor
    weight: Tensor

    def chosen(self, sampling: Sequence[Sampling]) -> tuple[list[int], list[float]]:
        """A symbol for each text, and its log-probability; of equals the first, so columns have an order of their own.

        Temperature and top-p apply here, after the merge, to what all models say together.

        >>> import torch
        >>> symbols, logprobs = Table(torch.tensor([[7, 9]]), torch.tensor([[1.0, 3.0]])).chosen([Sampling()])
        >>> symbols, round(logprobs[0], 4)  # log 3/4
        ([9], -0.2877)
        """
        logs = self.weight.log()
        column = choose(logs, sampling)[:, None]  # (n, 1)
        chosen = logs.log_softmax(dim=1).gather(1, column)
        return self.symbol.gather(1, column)[:, 0].tolist(), chosen[:, 0].tolist()

    def likeliest(self, counts: Sequence[int]) -> list[tuple[tuple[int, float], ...]]:
        """Of each text as many symbols as are wanted, the likeliest first, and their log-probabilities.

        >>> import torch
        >>> [found] = Table(torch.tensor([[7, 9, 4]]), torch.tensor([[1.0, 3.0, 0.0]])).likeliest([3])
        >>> [(symbol, round(logprob, 4)) for symbol, logprob in found]  # what cannot follow is not named
        [(9, -0.2877), (7, -1.3863)]
        """
        if not any(counts):
            return [()] * len(counts)
        logs = self.weight.log().log_softmax(dim=1)
        best = logs.topk(min(max(counts) + SAME, logs.shape[1]), dim=1)
        rows = zip(self.symbol.gather(1, best.indices).tolist(), best.values.tolist(), counts, strict=True)
        return [_first(symbols, logprobs, count) for symbols, logprobs, count in rows]


def _first(symbols: Sequence[int], logprobs: Sequence[float], count: int) -> tuple[tuple[int, float], ...]:
    found: dict[int, float] = {}
    for symbol, logprob in zip(symbols, logprobs, strict=True):
        if logprob > -math.inf:
            found.setdefault(symbol, logprob)
    return tuple(found.items())[:count]
