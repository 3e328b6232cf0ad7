"""Solved tasks and their code, of which the nearest is shown when a task like it comes."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Floats]
"""N texts to their embeddings [N, D]."""

VERSION = 1
SCHEMA = """
    BEGIN IMMEDIATE;
    CREATE TABLE encoder (name TEXT NOT NULL);
    CREATE TABLE demonstrations (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        query TEXT NOT NULL UNIQUE,
        code TEXT NOT NULL,
        embedding BLOB NOT NULL,
        retrieved INTEGER NOT NULL DEFAULT 0,
        succeeded INTEGER NOT NULL DEFAULT 0
    );
    PRAGMA user_version = 1;
    COMMIT;
"""
# other code for a query is another demonstration, which has to prove itself
UPSERT = """
    INSERT INTO demonstrations (query, code, embedding) VALUES (?, ?, ?)
    ON CONFLICT (query) DO UPDATE SET embedding = excluded.embedding, code = excluded.code,
        retrieved = CASE code WHEN excluded.code THEN retrieved ELSE 0 END,
        succeeded = CASE code WHEN excluded.code THEN succeeded ELSE 0 END
"""


class DemonstrationsError(OSError):
    """The file cannot be read, written or used; the message says what to do."""


class Demonstration(NamedTuple):
    """A task that was solved, and how.

    Args:
        query: the task.
        code: that solved it.
        distance: 1 - cosine to the task it was retrieved for.
    """

    query: str
    code: str
    distance: float


class Track(NamedTuple):
    """How often a demonstration was shown, and how often what it was shown to succeeded."""

    retrieved: int
    succeeded: int


@dataclass(frozen=True)
class Keeping:
    """Which demonstrations are shown and kept.

    A solution that was wrongly taken for one would spread; so what was shown `evict_after` times or more, with a share
    of successes below `evict_below`, is removed.

    Args:
        farthest: a demonstration must be nearer than this, as 1 - cosine.
        evict_after: times shown before it can be removed.
        evict_below: share of successes.
        most: that are kept; the one that came first makes room.

    Raises:
        ValueError: one is out of its range.
    """

    farthest: float = 0.5
    evict_after: int = 8
    evict_below: float = 0.25
    most: int = 10_000

    def __post_init__(self) -> None:
        if not (0 < self.farthest <= 2 and 0 <= self.evict_below <= 1 and self.evict_after >= 1 and self.most >= 1):
            raise ValueError(f"{self}: farthest must lie in (0, 2], evict_below in [0, 1], and the others be 1 or more")


class Demonstrations:
    """The demonstrations of one file; what `add` and `settle` return from is on disk. Threads may share one object.

    Args:
        path: the file, for errors.
        connection: to tables of this version, for this object alone.
        encode: queries to embeddings; texts without a direction have no neighbours, and are not kept.
        keeping: which are shown and kept.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, encode: Encode, keeping: Keeping) -> None:
        self._path, self._connection, self._encode, self._keeping = path, connection, encode, keeping
        self._lock = Lock()
        with _explained(path):
            rows = connection.execute("SELECT query, embedding FROM demonstrations ORDER BY number").fetchall()
        self._units = {query: np.frombuffer(raw, np.float32) for query, raw in rows}
        self._matrix: Floats | None = None

    def __len__(self) -> int:
        return len(self._units)

    def nearest(self, query: str) -> Demonstration | None:
        """The demonstration nearest to a query; None if none is near enough.

        Raises:
            DemonstrationsError: the file cannot be read, or holds embeddings of another width.
        """
        unit = self._unit(query)
        with self._lock:
            if unit is None or not self._units:
                return None
            if self._matrix is None:
                self._matrix = np.stack(list(self._units.values()))  # (N, D)
            if self._matrix.shape[1] != len(unit):
                raise DemonstrationsError(
                    f"{self._path} has embeddings of {self._matrix.shape[1]} numbers, and the encoder gives "
                    f"{len(unit)}: use its own encoder, or another file"
                )
            cosines = self._matrix @ unit
            best = int(cosines.argmax())
            distance = float(1 - cosines[best])
            if not distance < self._keeping.farthest:
                return None
            found = list(self._units)[best]
            ((code,),) = self._read("SELECT code FROM demonstrations WHERE query = ?", found)
            return Demonstration(found, code, distance)

    def add(self, query: str, code: str) -> None:
        """Keep a solution; one for the same query is replaced.

        Raises:
            DemonstrationsError: it cannot be written.
        """
        unit = self._unit(query)
        if unit is None:
            return
        with self._lock:
            excess = self._excess(query)
            with self._transaction():
                self._remove(excess)
                self._connection.execute(UPSERT, (query, code, unit.tobytes()))
            self._forget(excess)
            self._units[query] = unit
            self._matrix = None

    def settle(self, shown: Demonstration, *, succeeded: bool) -> None:
        """Write down what became of the task that a demonstration was shown to; that may remove it.

        Raises:
            DemonstrationsError: it cannot be written.
        """
        with self._lock:
            which = (shown.query, shown.code)
            with self._transaction():
                self._connection.execute(
                    "UPDATE demonstrations SET retrieved = retrieved + 1, succeeded = succeeded + ? "
                    "WHERE query = ? AND code = ?",
                    (int(succeeded), *which),
                )
                removed = self._connection.execute(
                    "DELETE FROM demonstrations WHERE query = ? AND code = ? AND retrieved >= ? "
                    "AND succeeded < ? * retrieved RETURNING query",
                    (*which, self._keeping.evict_after, self._keeping.evict_below),
                ).fetchall()
            self._forget([query for (query,) in removed])

    def track(self, query: str) -> Track | None:
        """How the demonstration of a query has done; None if there is none."""
        with self._lock:
            rows = self._read("SELECT retrieved, succeeded FROM demonstrations WHERE query = ?", query)
        return Track(*rows[0]) if rows else None

    def close(self) -> None:
        """Close the file; what was written stays."""
        with self._lock:
            self._connection.close()

    def _unit(self, query: str) -> Floats | None:
        """The embedding with length 1; None if it has no direction."""
        embedding = np.asarray(self._encode([query]), np.float64)[0]
        length = float(np.linalg.norm(embedding))
        return (embedding / length).astype(np.float32) if np.isfinite(length) and length > 0 else None

    def _excess(self, query: str) -> list[str]:
        """What must go before a query can be kept: those that came first."""
        if query in self._units:
            return []
        return list(self._units)[: max(0, len(self._units) + 1 - self._keeping.most)]

    def _read(self, statement: str, query: str) -> list[tuple[Any, ...]]:
        with _explained(self._path):
            return self._connection.execute(statement, (query,)).fetchall()

    def _remove(self, queries: Sequence[str]) -> None:
        self._connection.executemany("DELETE FROM demonstrations WHERE query = ?", [(query,) for query in queries])

    def _forget(self, queries: Sequence[str]) -> None:
        for query in queries:
            del self._units[query]
            self._matrix = None

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with _explained(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # a full disk has rolled back by itself
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def open_demonstrations(path: Path, encode: Encode, encoder: str, keeping: Keeping = Keeping()) -> Demonstrations:
    """The demonstrations in a file, which is made if it is not there; one process at a time has it.

    As in the ledger of a collection, a commit outlives SIGKILL and a power cut alike.

    Args:
        path: of the file.
        encode: see `Demonstrations`.
        encoder: names what encodes; the embeddings in the file are of no use to another one.
        keeping: see `Demonstrations`.

    Raises:
        DemonstrationsError: it is in use, was made with another encoder or by a newer version, or cannot be read.
    """
    with _explained(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    try:
        with _explained(path):
            _prepare(connection, path, encoder)
        return Demonstrations(path, connection, encode, keeping)
    except BaseException:
        connection.close()
        raise


def _prepare(connection: sqlite3.Connection, path: Path, encoder: str) -> None:
    # nobody else may change what is kept in memory besides
    for pragma in ("locking_mode = EXCLUSIVE", "journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript("BEGIN EXCLUSIVE; COMMIT")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise DemonstrationsError(f"{path} has version {version}, and this anabranch reads up to {VERSION}")
    if version == 0:
        connection.executescript(SCHEMA)
    connection.execute("INSERT INTO encoder SELECT ? WHERE NOT EXISTS (SELECT * FROM encoder)", (encoder,))
    (made_with,) = connection.execute("SELECT name FROM encoder").fetchone()
    if made_with != encoder:
        raise DemonstrationsError(f"{path} was made with encoder {made_with!r}, not {encoder!r}; use another file")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DemonstrationsError(f"{path} cannot be used ({error}); what it acknowledged is safe") from error
