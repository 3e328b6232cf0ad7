"""A neural cache that outlives the process: what is settled is on disk."""

import os
from pathlib import Path

from numpy.typing import ArrayLike

from anabranch.training.streams.cache_files import event, load_cache, save_cache
from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.neural_caching import Decision, NeuralCache


class KeptCache:
    """Decides and settles as its cache does; when `settle` returns, the query is on disk.

    Each query is a line of a journal. After each training of the student all of it is saved anew, and a new journal
    begins. One process at a time may keep a folder.

    Args:
        cache: from now on settled through this alone.
        folder: written at once; what was in it before is no more.
    """

    def __init__(self, cache: NeuralCache, folder: Path) -> None:
        self.cache = cache
        self.folder = folder
        self._journal: Path | None = save_cache(cache, folder)

    @classmethod
    def reopened(cls, folder: Path) -> "KeptCache":
        """The cache of a folder, which goes on where it was when the process ended.

        Raises:
            ValueError: there is none, or it is damaged.
        """
        return cls(load_cache(folder), folder)

    def decide(self, embedding: ArrayLike) -> Decision:
        """See `NeuralCache.decide`."""
        return self.cache.decide(embedding)

    def settle(self, embedding: ArrayLike, decision: Decision, lesson: Lesson | None = None) -> None:
        """See `NeuralCache.settle`.

        Raises:
            OSError: it could not be written. The query is settled in memory, and on disk with the next that can be.
        """
        students = self.cache.checkpoints
        self.cache.settle(embedding, decision, lesson)
        journal, self._journal = self._journal, None  # of no use once a line of it is missing or torn
        if journal is None or self.cache.checkpoints is not students:
            self._journal = save_cache(self.cache, self.folder)
        else:
            _append(journal, event(embedding, decision, lesson).line() + b"\n")
            self._journal = journal


def _append(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
