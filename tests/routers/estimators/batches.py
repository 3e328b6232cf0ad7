"""Batches written out by hand."""

from typing import TypeVar

import torch
from torch import Tensor

from anabranch.routers.estimators.estimator import Batch, Estimator

E = TypeVar("E", bound=Estimator)

NAN = float("nan")


def batch_of(
    embedding: list[list[float]] | Tensor,
    quality: list[list[float]] | Tensor,
    *,
    usage: list[list[float]] | None = None,
    samples: list[list[list[float]]] | None = None,
    wins: Tensor | None = None,
    task: list[int] | None = None,
) -> Batch:
    """Rows 0 to B - 1 of one task; what is not given is unknown, samples are the quality itself."""
    known = torch.as_tensor(quality)
    rows = len(known)
    return Batch(
        row=torch.arange(rows),
        task=torch.zeros(rows, dtype=torch.int64) if task is None else torch.tensor(task),
        embedding=torch.as_tensor(embedding),
        quality=known,
        usage=torch.full_like(known, NAN) if usage is None else torch.tensor(usage),
        samples=known.unsqueeze(2) if samples is None else torch.tensor(samples),
        wins=torch.zeros(rows, 0, 0) if wins is None else wins,
    )


def fitted(estimator: E, batch: Batch) -> E:
    """The estimator after its observing pass, in evaluation mode."""
    estimator.observe(batch)
    estimator.finalise()
    return estimator.eval()
