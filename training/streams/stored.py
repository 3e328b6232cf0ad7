"""The lessons of a neural cache, in arrays that grow."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from anabranch.training.streams.student import Floats

FIRST_ROOM = 64


class Stored:
    """Every query that was called and answered, and what it teaches.

    Args:
        width: D, of the embeddings.

    >>> stored = Stored(width=2)
    >>> stored.add(np.array([0.6, 0.8]), {1: 3.0, 0: 1.0})
    >>> len(stored), stored.targets(3).tolist()
    (1, [[0.25, 0.75, 0.0]])
    """

    def __init__(self, width: int) -> None:
        self._room = np.zeros((FIRST_ROOM, width), np.float32)
        self._rows = 0
        # one entry for each answer of each row
        self._row: list[int] = []
        self._answer: list[int] = []
        self._weight: list[float] = []

    def __len__(self) -> int:
        return self._rows

    @property
    def embedding(self) -> NDArray[np.float32]:
        """Unit rows, float32 [n, D]."""
        return self._room[: self._rows]

    def targets(self, answers: int) -> Floats:
        """How often each of K answers was given, float64 [n, K]; rows sum to 1."""
        targets = np.zeros((len(self), answers))
        targets[self._row, self._answer] = self._weight
        return targets

    def add(self, embedding: Floats, target: Mapping[int, float]) -> None:
        """Store a query: its unit embedding [D], and weights of answers by their numbers."""
        if len(self) == len(self._room):
            self._room = np.concatenate([self._room, np.zeros_like(self._room)])
        self._room[len(self)] = embedding
        total = sum(target.values())
        self._row += [len(self)] * len(target)
        self._answer += target.keys()
        self._weight += [weight / total for weight in target.values()]
        self._rows += 1

    def tensors(self) -> dict[str, NDArray[np.generic]]:
        """All of it."""
        return {
            "embedding": self.embedding.copy(),
            "row": np.array(self._row, np.int64),
            "answer": np.array(self._answer, np.int64),
            "weight": np.array(self._weight, np.float64),
        }

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, NDArray[np.generic]]) -> "Stored":
        """What `tensors` gave."""
        embedding = np.asarray(tensors["embedding"], np.float32)
        stored = cls(embedding.shape[1])
        stored._room = np.concatenate([embedding, stored._room])
        stored._rows = len(embedding)
        stored._row = tensors["row"].tolist()
        stored._answer = tensors["answer"].tolist()
        stored._weight = tensors["weight"].tolist()
        return stored
