"""A neural cache on disk: `cache.json` says which files belong to it, tensors and a journal hold the rest.

`cache.json` is replaced in one step, and each saving has files of its own, so that a process that is killed while it
saves leaves what was saved before.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import ConfigDict, Field
from safetensors import SafetensorError
from safetensors.numpy import load, save

from anabranch.routers.versioned import Versioned, read_versioned
from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.neural_caching import Decision, NeuralCache
from anabranch.training.streams.settings import CacheSettings
from anabranch.training.streams.stored import Stored
from anabranch.training.streams.student import Student

CACHE_SCHEMA = 1
CONTENTS = "cache.json"
UNFINISHED = ".cache*.unfinished"


class CacheFile(Versioned):
    """The contents of `cache.json`; `saving` names the files `<saving>.safetensors` and `<saving>.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    settings: CacheSettings
    saving: str = Field(pattern=r"^cache-[0-9]+-[0-9a-f]{12}$")
    width: int
    seen: int
    calls: int
    unlearnt: int
    answers: tuple[str, ...]
    students: int


@dataclass(frozen=True)
class Event:
    """A query that was settled since the cache was saved; a line of the journal."""

    embedding: NDArray[np.float32]
    decision: Decision
    lesson: Lesson | None

    def line(self) -> bytes:
        """JSON, without a line break; float32 comes back as it was."""
        decision = {**self.decision._asdict(), "value": None if np.isnan(self.decision.value) else self.decision.value}
        lesson = None if self.lesson is None else {"answer": self.lesson.answer, "target": dict(self.lesson.target)}
        contents = {"embedding": self.embedding.tolist(), "decision": decision, "lesson": lesson}
        return json.dumps(contents, allow_nan=False).encode()

    @classmethod
    def of_line(cls, line: bytes) -> "Event":
        """The event that `line` gave."""
        contents: dict[str, Any] = json.loads(line)
        decision = contents["decision"]
        value = np.nan if decision["value"] is None else decision["value"]
        lesson = contents["lesson"]
        return cls(
            np.array(contents["embedding"], np.float32),
            Decision(**{**decision, "value": value}),
            None if lesson is None else Lesson(**lesson),
        )


def event(embedding: ArrayLike, decision: Decision, lesson: Lesson | None) -> Event:
    """A settled query as the journal keeps it."""
    return Event(np.asarray(embedding, np.float32), decision, lesson)


def save_cache(cache: NeuralCache, folder: Path) -> Path:
    """Write a cache in place of what the folder holds; the file that a journal of what follows belongs in."""
    folder.mkdir(parents=True, exist_ok=True)
    saving = f"cache-{cache.seen}-{uuid4().hex[:12]}"
    contents = CacheFile(
        schema_version=CACHE_SCHEMA,
        settings=cache.settings,
        saving=saving,
        width=cache.width,
        seen=cache.seen,
        calls=cache.calls,
        unlearnt=cache.unlearnt,
        answers=tuple(cache.answers),
        students=len(cache.checkpoints),
    )
    _write(folder / f"{saving}.safetensors", save(dict(_tensors(cache))))
    _write(folder / CONTENTS, contents.model_dump_json(indent=2).encode())
    for old in (*folder.glob("cache-*.safetensors"), *folder.glob("cache-*.jsonl"), *folder.glob(UNFINISHED)):
        if old.stem != saving:
            old.unlink()
    return folder / f"{saving}.jsonl"


def load_cache(folder: Path) -> NeuralCache:
    """The cache of a folder, with all that its journal holds.

    Raises:
        ValueError: there is none, it is of a newer schema, or a file is damaged.
    """
    if not (folder / CONTENTS).exists():
        raise ValueError(f"{folder} holds no cache: it has no {CONTENTS}; `save_cache` writes one")
    contents = read_versioned(folder / CONTENTS, CacheFile, CACHE_SCHEMA)
    cache = _restored(contents, folder / f"{contents.saving}.safetensors")
    journal = folder / f"{contents.saving}.jsonl"
    try:
        for one in _events(journal):
            cache.settle(one.embedding, one.decision, one.lesson)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{journal} cannot be read after query {cache.seen}: {error}") from error
    return cache


def _tensors(cache: NeuralCache) -> Iterator[tuple[str, NDArray[Any]]]:
    yield from cache.stored.tensors().items()
    yield from ((name, np.array(getattr(cache, name), np.float64)) for name in ("doubts", "agreed", "propensity"))
    for number, student in enumerate(cache.checkpoints):
        yield f"weights.{number}", np.ascontiguousarray(student.weights)
        yield f"bias.{number}", np.ascontiguousarray(student.bias)


def _restored(contents: CacheFile, path: Path) -> NeuralCache:
    cache = NeuralCache(contents.width, contents.settings)
    cache.seen, cache.calls, cache.unlearnt = contents.seen, contents.calls, contents.unlearnt
    cache.answers = list(contents.answers)
    try:
        tensors: Mapping[str, NDArray[Any]] = load(path.read_bytes())
        cache.stored = Stored.of_tensors(tensors)
        cache.doubts, cache.agreed, cache.propensity = (
            tensors[name].tolist() for name in ("doubts", "agreed", "propensity")
        )
        cache.checkpoints = [Student(tensors[f"weights.{n}"], tensors[f"bias.{n}"]) for n in range(contents.students)]
    except (OSError, KeyError, SafetensorError) as error:
        raise ValueError(f"{path} does not hold the cache of {path.parent / CONTENTS}: {error}") from error
    return cache


def _events(journal: Path) -> Iterator[Event]:
    lines = journal.read_bytes().splitlines(keepends=True) if journal.exists() else []
    # a line without an end was being written when the process ended: nobody was told that it was
    yield from (Event.of_line(line) for line in lines if line.endswith(b"\n"))


def _write(path: Path, contents: bytes) -> None:
    """Put a whole file in its place, on disk when this returns."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
