"""The ledger: what was asked, answered and paid for, in one SQLite file."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from anabranch.data.collection.entries import Entry, Key, Value
from anabranch.data.collection.ledger_schema import LedgerError, migrate

MOST_ROWS = 128  # a statement; SQLite allows 32,766 values


@dataclass(frozen=True)
class MaybePaid:
    """Requests that may have been paid for although no answer arrived.

    Args:
        requests: how many.
        usd: the most they may have cost; None if a bound is not known.
    """

    requests: int
    usd: float | None


class Ledger:
    """One row an answer: (prompt_id, model, sample), in the state sent, lost, done or failed.

    Journal mode WAL and synchronous=FULL: a commit outlives SIGKILL and a power cut alike. NORMAL would outlive only
    the first, and the record that a request went out must not be lost, since it may have to be paid for. The price is
    one fsync a commit, which all requests that wait at that moment share.

    Not for several threads at once.

    Args:
        path: the file, for errors.
        connection: in autocommit mode, to tables of this version.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path, self._connection = path, connection

    def close(self) -> None:
        """Close the file; what was committed stays."""
        self._connection.close()

    def write(self, entries: Sequence[Entry]) -> None:
        """Commit entries of different rows together, or none of them.

        Raises:
            LedgerError: the disk is full, or the file cannot be written.
        """
        by_kind: dict[type[Entry], list[Entry]] = {}
        for entry in entries:
            by_kind.setdefault(type(entry), []).append(entry)
        with self.transaction():
            for kind, alike in by_kind.items():
                self._upsert(kind, [entry.values() for entry in alike])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or nothing of it.

        Raises:
            LedgerError: the disk is full, or the file cannot be written.
        """
        with explained(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                # a full disk has rolled back by itself
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows that a statement gives.

        Raises:
            LedgerError: it cannot be carried out.
        """
        with explained(self.path):
            return self._connection.execute(statement, values).fetchall()

    def execute_many(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Carry out a statement for each of the values, inside `transaction`."""
        self._connection.executemany(statement, values)

    def recover(self) -> MaybePaid:
        """Count what a dead run left in flight as maybe paid, and let it be asked again."""
        in_flight = self.in_flight()
        with self.transaction():
            self._connection.execute(
                "UPDATE answers SET state = 'lost', maybe_paid = maybe_paid + 1, "
                "maybe_paid_usd = maybe_paid_usd + reserved_usd WHERE state = 'sent'"
            )
        return in_flight

    def in_flight(self) -> MaybePaid:
        """What was sent and neither answered nor failed."""
        return self._maybe_paid("1", "reserved_usd", "state = 'sent'")

    def maybe_paid(self) -> MaybePaid:
        """What may have been paid without an answer, over all runs that are over."""
        return self._maybe_paid("maybe_paid", "maybe_paid_usd", "maybe_paid > 0")

    def spent_usd(self) -> float:
        """The most that was spent: known costs, and bounds where a cost is not known."""
        (usd,) = self.execute(
            "SELECT total(CASE state WHEN 'done' THEN coalesce(cost_usd, reserved_usd) WHEN 'sent' THEN reserved_usd "
            "END) + total(maybe_paid_usd) FROM answers"
        )[0]
        return float(usd)

    def states(self) -> Mapping[Key, str]:
        """The state of every row."""
        rows = self.execute("SELECT prompt_id, model, sample, state FROM answers")
        return {Key(*key): state for *key, state in rows}

    def _upsert(self, kind: type[Entry], rows: Sequence[Sequence[Value]]) -> None:
        # few statements of many rows: each step lets go of the interpreter, and waits to get it back
        start = 0
        while start < len(rows):
            size = min(MOST_ROWS, 1 << ((len(rows) - start).bit_length() - 1))
            self._connection.execute(upsert(kind, size), [value for row in rows[start : start + size] for value in row])
            start += size

    def _maybe_paid(self, requests: str, usd: str, which: str) -> MaybePaid:
        query = f"SELECT total({requests}), total({usd}), count(*) - count({usd}) FROM answers WHERE {which}"
        number, known_usd, unknown = self.execute(query)[0]
        return MaybePaid(int(number), None if unknown else known_usd)


@cache
def upsert(kind: type[Entry], rows: int) -> str:
    """The statement that makes or changes so many rows.

    >>> from anabranch.data.collection.entries import Sent
    >>> upsert(Sent, 2).partition(" VALUES ")[2].partition(" ON ")[0]
    '(?, ?, ?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?, ?, ?)'
    """
    names = (*Key._fields, *kind.columns)
    row = f"({', '.join('?' * len(names))})"
    changes = [f"{name} = {f'answers.{name} + ' * (name in kind.added)}excluded.{name}" for name in kind.columns]
    return (
        f"INSERT INTO answers ({', '.join(names)}) VALUES {', '.join([row] * rows)} "
        f"ON CONFLICT DO UPDATE SET {', '.join(changes)}"
    )


def open_ledger(path: Path) -> Ledger:
    """The ledger in a file, which is made if it is not there, and brought to this version if it is older.

    Raises:
        LedgerError: it cannot be opened, is no ledger, or is of a newer version.
    """
    with explained(path):
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        migrate(connection, str(path))
    return Ledger(path, connection)


def read_ledger(path: Path) -> Ledger:
    """A copy in memory of the ledger in a file, or an empty one if there is no file; the file stays as it is.

    Raises:
        LedgerError: it cannot be read, is no ledger, or is of a newer version.
    """
    with explained(path):
        copy = sqlite3.connect(":memory:", isolation_level=None)
        if path.exists():
            # without a write-ahead log nobody writes, and SQLite need not make one to read
            mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True)) as file:
                file.backup(copy)
        migrate(copy, str(path))
    return Ledger(path, copy)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Say what an error of SQLite means for the answers in a ledger."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise LedgerError(
            f"{path} cannot be used ({error}); what it acknowledged is safe: make room or repair the cause, "
            "and run the same command again"
        ) from error
