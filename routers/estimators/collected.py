"""What a closed-form estimator has observed so far."""

import torch
from torch import Tensor, nn

from anabranch.routers.estimators.estimator import Batch


class Collected:
    """Batches kept until `stack` puts the training set together again, in the order of its rows."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []

    def add(self, batch: Batch) -> None:
        """Keep a batch, without gradients, in main memory: closed forms are computed there."""
        self._batches.append(Batch(*(part.detach().cpu() for part in batch)))

    def stack(self) -> Batch:
        """The whole training set as one batch; what was kept is forgotten.

        Raises:
            ValueError: nothing was observed.
        """
        if not self._batches:
            raise ValueError("finalise was called before any batch was observed")
        whole = Batch(*(torch.cat(parts) for parts in zip(*self._batches, strict=True)))
        self._batches.clear()
        order = whole.row.argsort()
        return Batch(*(part[order] for part in whole))


def known_mean(values: Tensor) -> Tensor:
    """The mean of each column's known cells, NaN if it has none. (N, A) -> (A,)."""
    return values.nanmean(dim=0)


class ArmMean(nn.Module):
    """One constant an arm, broadcast over the batch: the usage of estimators that do not predict it.

    >>> mean = ArmMean(2)
    >>> mean.set(torch.tensor([[1.0, 4.0], [3.0, float("nan")]]))
    >>> mean(torch.zeros(1, 8)).tolist()
    [[2.0, 4.0]]
    """

    mean: Tensor

    def __init__(self, arms: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(arms))

    def set(self, values: Tensor) -> None:
        """Take the column means of values (N, A)."""
        self.mean = known_mean(values)

    def forward(self, embedding: Tensor) -> Tensor:
        """The means, one row a row of embedding (B, D) -> (B, A)."""
        return self.mean.expand(embedding.shape[0], -1)
