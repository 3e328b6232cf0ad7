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
        """A symbol for each text, and its probability; of equals the first, so columns have an order of their own.

        Temperature and top-p apply here, after the merge, to what all models say together.

        >>> import torch
        >>> Table(torch.tensor([[7, 9]]), torch.tensor([[0.2, 0.6]])).chosen([Sampling()])
        ([9], [0.75])
        """
        column = choose(self.weight.log(), sampling)[:, None]  # (n, 1)
        share = self.weight.gather(1, column) / self.weight.sum(dim=1, keepdim=True)
        return self.symbol.gather(1, column)[:, 0].tolist(), [round(one, 7) for one in share[:, 0].tolist()]
