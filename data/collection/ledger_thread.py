"""The thread that writes the ledger, so that no fsync holds the event loop up."""

import asyncio
import time
from collections.abc import Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NamedTuple

from anabranch.data.collection.entries import Entry
from anabranch.data.collection.ledger import Ledger

MOST_AT_ONCE = 2000


class _Waiting(NamedTuple):
    entries: Sequence[Entry]
    committed: "asyncio.Future[None] | None"


class LedgerThread:
    """Group commits: whatever waits while one commit is under way goes into the next, in order.

    Once a commit fails nothing more is written, and everybody who waits, then or later, gets the error.

    Args:
        ledger: used by this thread alone between `start` and `close`.
        linger_s: wait so long for company before each commit.
    """

    def __init__(self, ledger: Ledger, linger_s: float = 0.0) -> None:
        self._ledger, self._linger_s = ledger, linger_s
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = Thread(target=self._write, name="ledger", daemon=True)
        self._failure: Exception | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to write, for callers in the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def log_soon(self, *entries: Entry) -> None:
        """Write entries with the next commit; an error shows in the next `log` or in `close`."""
        self._queue.put(_Waiting(entries, None))

    async def log(self, *entries: Entry) -> None:
        """Return once these entries, and all that came before them, are committed.

        Raises:
            LedgerError: they, or earlier ones, could not be.
        """
        committed = asyncio.get_running_loop().create_future()
        self._queue.put(_Waiting(entries, committed))
        await committed

    async def close(self) -> None:
        """Write what waits, and end the thread.

        Raises:
            LedgerError: something could not be written.
        """
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)
        if self._failure is not None:
            raise self._failure

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            time.sleep(self._linger_s)
            batch, ended = self._batch(first)
            try:
                if self._failure is None:
                    self._ledger.write([entry for waiting in batch for entry in waiting.entries])
            except Exception as error:  # a thread that dies would leave everybody waiting
                self._failure = error
            assert self._loop is not None
            futures = [waiting.committed for waiting in batch if waiting.committed is not None]
            self._loop.call_soon_threadsafe(self._tell, futures)
            if ended:
                return

    def _batch(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        """What waits now, and whether the end was among it."""
        batch = [first]
        while len(batch) < MOST_AT_ONCE:
            try:
                waiting = self._queue.get_nowait()
            except Empty:
                return batch, False
            if waiting is None:
                return batch, True
            batch.append(waiting)
        return batch, False

    def _tell(self, futures: Sequence["asyncio.Future[None]"]) -> None:
        for future in futures:
            if future.done():
                continue
            if self._failure is None:
                future.set_result(None)
            else:
                future.set_exception(self._failure)
