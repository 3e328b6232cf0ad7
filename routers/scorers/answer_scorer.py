"""FrugalGPT's scorer: how likely is this answer to this prompt right, from their texts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from anabranch.routers.deferral.answered import Answered
from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.scorers.answer_network import AnswerNetwork
from anabranch.routers.scorers.reading import ReadAnswers, Reading

Floats = NDArray[np.float32]
Embedder = Callable[[Sequence[str]], NDArray[Any]]

BATCH = 1024  # answers; bounds what is put together of their embeddings


class ScorerSettings(BaseModel):
    """Everything about an answer scorer but its weights."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reading: Reading
    encoder: str = Field(description="name, path or hub id, as the user typed it")
    encoder_options: dict[str, Any] = Field(default_factory=dict)
    encoder_fingerprint: str
    width: int = Field(gt=0)
    hidden: int = Field(default=64, gt=0)
    dropout: float = Field(default=0.2, ge=0, lt=1)

    def network(self) -> AnswerNetwork:
        """The network before anything is learnt."""
        read = self.reading
        return AnswerNetwork(
            self.width, len(read.parts), read.facts, read.models, hidden=self.hidden, dropout=self.dropout
        )


@dataclass(frozen=True, eq=False)
class AnswerScorer:
    """How likely answers are right, by a network on a sentence encoder that stays as it is.

    The paper fine-tunes the encoder itself and has one a model; here one small network serves all models, which share
    what makes an answer look right, and what is seen without an encoder (lengths, log-probabilities) takes part.

    Args:
        settings: what it is made of.
        encoder: text tokens to embeddings.
        network: embeddings and facts to log-odds, in evaluation mode.
        embedder: texts to the encoder's embeddings [T, D], e.g. through a cache; the encoder itself if None.

    Source: Chen, Zaharia and Zou 2023, FrugalGPT (arXiv 2305.05176).
    """

    settings: ScorerSettings
    encoder: Encoder
    network: AnswerNetwork
    embedder: Embedder | None = None

    def __call__(self, answers: Sequence[Answered]) -> Floats:
        """The chance that each of B answers is right, float32 [B]; never NaN.

        Raises:
            ValueError: an answer comes from a model that is not known, or an embedding is not finite.
        """
        read = self.settings.reading(answers)
        embedding = self.embedder(read.texts) if self.embedder else embed(self.encoder, read.texts)
        return chances(self.network, read, np.asarray(embedding, np.float32))


def chances(network: AnswerNetwork, read: ReadAnswers, embedding: Floats) -> Floats:
    """The chance that each of B answers is right, float32 [B]; embedding [T, D] is of the texts that were read."""
    parts = [np.zeros(0, np.float32)]
    with torch.inference_mode():
        for rows in _batches(len(read.model)):
            inputs = (embedding[read.place[rows]], read.facts[rows], read.model[rows])
            parts.append(network(*map(torch.from_numpy, inputs)).sigmoid().numpy())
    return np.concatenate(parts)


def _batches(rows: int) -> Iterator[slice]:
    for start in range(0, rows, BATCH):
        yield slice(start, start + BATCH)
