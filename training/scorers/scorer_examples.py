"""Recorded answers as a scorer's training examples."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.answered import Answered
from anabranch.routers.scorers.reading import ReadAnswers

Floats = NDArray[np.float32]


class AnswerBatch(NamedTuple):
    """What B recorded answers teach.

    Attributes:
        embedding: float32 [B, K, D].
        facts: float32 [B, F]; NaN is not known.
        model: int64 [B].
        quality: float32 [B] in [0, 1].
    """

    embedding: Tensor
    facts: Tensor
    model: Tensor
    quality: Tensor


@dataclass(frozen=True, eq=False)
class ScorerExamples:
    """C answers whose quality is known.

    Args:
        read: the answers, T distinct texts among them.
        embedding: float32 [T, D], of the texts.
        quality: float32 [C] in [0, 1].
    """

    read: ReadAnswers
    embedding: Floats
    quality: Floats

    def __len__(self) -> int:
        return len(self.quality)

    def batch(self, rows: list[int]) -> AnswerBatch:
        """The batch of these answers."""
        read = self.read
        cells = (self.embedding[read.place[rows]], read.facts[rows], read.model[rows], self.quality[rows])
        return AnswerBatch(*map(torch.from_numpy, cells))

    def take(self, rows: NDArray[np.bool_]) -> "ScorerExamples":
        """The answers of a mask [C], in their order."""
        read = self.read
        kept = read._replace(place=read.place[rows], facts=read.facts[rows], model=read.model[rows])
        return ScorerExamples(kept, self.embedding, self.quality[rows])


def recorded_answers(table: ReplayTable, signals: tuple[str, ...]) -> list[Answered]:
    """The answers of a table whose quality is known, in the order of its cells.

    Args:
        table: with responses.
        signals: the names of those that the answers carry.
    """
    assert table.responses is not None
    cell = np.nonzero(table.recorded)
    known = zip(*(table.signals[name][cell].tolist() for name in signals), strict=True) if signals else None
    return [
        Answered(model, table.texts[row], str(text), dict(zip(signals, values, strict=True)))
        for row, model, text, values in zip(
            cell[0].tolist(),
            cell[1].tolist(),
            table.responses[cell],
            known or ((),) * len(cell[0]),
            strict=True,
        )
    ]
