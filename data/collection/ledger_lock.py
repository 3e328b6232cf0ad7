"""One collector a ledger: a lock that dies with the process that holds it."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from anabranch.data.collection.ledger_schema import LedgerError


class LedgerLock:
    """A lock on a file, held inside `with`; the system lets go of it when the process ends, however it ends.

    Args:
        path: the file; it holds the process's id, and stays.

    Raises:
        LedgerError: another process holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            pid = os.pread(file, 20, 0).decode() or "unknown"
            os.close(file)
            raise LedgerError(
                f"{self._path.parent} is being collected by process {pid}; wait for it, stop it, or use another --out"
            ) from None
        except BaseException:
            os.close(file)
            raise
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
