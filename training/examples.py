"""Training examples: what a batch is cut from."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from anabranch.data.cache_folder import cache_folder
from anabranch.data.outcomes import Floats, Outcomes, UsageKind
from anabranch.data.preferences import Preferences
from anabranch.routers.encoders.cache import EmbeddingCache
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.tokens import Tokens
from anabranch.routers.estimators.estimator import Batch

Embedder = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True, eq=False)
class Examples:
    """N prompts as tensors, with embeddings already made or with texts for an encoder that learns.

    Args:
        table: the outcomes they come from.
        task: int64 [N], the task's number, see `Batch`.
        usage: float32 [N, A], completion tokens or USD; NaN if unknown.
        wins: float32 [N, A, A] or [N, 0, 0].
        embedding: float32 [N, D]; None if the encoder learns.
        tokens: makes token ids from the texts; None if the embeddings are given.
    """

    table: Outcomes
    task: Tensor
    usage: Tensor
    wins: Tensor
    embedding: Tensor | None
    tokens: Tokens | None

    def __len__(self) -> int:
        return len(self.table)

    def batch(self, rows: list[int]) -> tuple[Batch, tuple[Tensor, Tensor] | None]:
        """The rows' batch, and their token ids and mask [B, S] if the encoder learns."""
        index = torch.tensor(rows)
        batch = Batch(
            row=index,
            task=self.task[index],
            embedding=torch.zeros(len(rows), 0) if self.embedding is None else self.embedding[index],
            quality=torch.tensor(self.table.quality[rows]),
            usage=self.usage[index],
            samples=torch.tensor(self.table.samples[rows]),
            wins=self.wins[index],
        )
        if self.tokens is None:
            return batch, None
        ids, mask = self.tokens([self.table.texts[row] for row in rows])
        return batch, (torch.from_numpy(ids), torch.from_numpy(mask))


def examples_of(
    table: Outcomes, votes: Preferences | None, usage_kind: UsageKind, source: Embedder | Tokens, tasks: Sequence[str]
) -> Examples:
    """The examples of a table.

    Args:
        table: N prompts, A arms.
        votes: on the table's prompts; None for estimators that learn from outcomes.
        usage_kind: the usage the estimator learns.
        source: makes embeddings now, or token ids batch by batch for an encoder that learns.
        tasks: the tasks of the training set, in the order of their numbers.
    """
    task = torch.from_numpy(table.task_numbers(tasks))
    tokens = source if isinstance(source, Tokens) else None
    embedding = None if isinstance(source, Tokens) else torch.from_numpy(np.array(source(table.texts), np.float32))
    wins = torch.zeros(len(table), 0, 0) if votes is None else torch.from_numpy(votes.wins(len(table)))
    return Examples(table, task, torch.from_numpy(table.usage(usage_kind)), wins, embedding, tokens)


def cached_embedder(encoder: Encoder, folder: Path | None, progress: bool) -> Embedder:
    """Texts to embeddings through a cache on disk, in `folder` or in `cache_folder`."""
    cache = EmbeddingCache(folder or cache_folder("embeddings"))

    def embedder(texts: Sequence[str]) -> Floats:
        with embedding_progress(len(texts), progress) as advance:
            return cache.embed(encoder, texts, progress=advance)

    return embedder


@contextmanager
def embedding_progress(total: int, shown: bool) -> Iterator[Callable[[int], None] | None]:
    """A bar on stderr that advances by prompts; nothing if not shown."""
    if not shown:
        yield None
        return
    columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("embedding", total=total)
        yield lambda count: bar.advance(task, count)
