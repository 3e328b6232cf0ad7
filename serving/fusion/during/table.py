"""What may follow texts, whoever thinks so, and the choice of one of it."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from anabranch.upstreams.local.choice import choose
from anabranch.upstreams.local.sampling import Sampling


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
