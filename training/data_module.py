"""Batches for the Trainer."""

from typing import Any, Protocol

import torch
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, SequentialSampler

from anabranch.routers.estimators.estimator import Batch

Item = tuple[Batch, tuple[Tensor, Tensor] | None]


class Batched(Protocol):
    """Examples of which batches are cut: `Examples`, or those of a scorer."""

    def __len__(self) -> int:
        """How many there are."""

    def batch(self, rows: list[int]) -> Any:
        """The batch of these rows."""


class _Batches(Dataset[Any]):
    """Whole batches by their rows: slicing tensors at once is several times faster than collating rows."""

    def __init__(self, examples: Batched) -> None:
        self.examples = examples

    def __getitem__(self, rows: list[int]) -> Any:
        return self.examples.batch(rows)

    def __len__(self) -> int:
        return len(self.examples)


class RouterData(LightningDataModule):
    """Shuffled training batches and validation batches in order.

    Args:
        train: examples to learn from.
        validation: examples that choose the best epoch.
        batch_size: prompts a batch.
        seed: of the shuffling.
    """

    def __init__(self, train: Batched, validation: Batched, *, batch_size: int, seed: int) -> None:
        super().__init__()
        self.train = train
        self.validation = validation
        self.batch_size = batch_size
        self._order = torch.Generator().manual_seed(seed)

    def train_dataloader(self) -> DataLoader[Any]:
        """Every training row once an epoch, in a new order."""
        rows = RandomSampler(self.train, generator=self._order)
        return DataLoader(_Batches(self.train), sampler=BatchSampler(rows, self.batch_size, False), batch_size=None)

    def val_dataloader(self) -> DataLoader[Any]:
        """Every validation row once, in order."""
        rows = SequentialSampler(self.validation)
        batches = BatchSampler(rows, self.batch_size, False)
        return DataLoader(_Batches(self.validation), sampler=batches, batch_size=None)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave a batch where it is on the CPU: walking through its parts costs as much as a small network's step."""
        return batch if device.type == "cpu" else super().transfer_batch_to_device(batch, device, dataloader_idx)
