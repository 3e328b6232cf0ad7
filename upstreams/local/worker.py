"""The thread that loads a model and then runs its engine."""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, Protocol, TypeVar

from anabranch.upstreams.errors import Closed, UpstreamError
from anabranch.upstreams.local.completion import Completion, Order
from anabranch.upstreams.local.detokeniser import Decode
from anabranch.upstreams.local.mailbox import Mailbox, Outbox


class Runs(Protocol):
    """What the thread runs: turn after turn, as long as there is something to do."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""

    def turn(self, waiting: deque[Completion]) -> None:
        """Take from those who wait, and do a little of everything."""

    def end_all(self, error: UpstreamError) -> None:
        """End every completion with an error."""


class HasEngine(Protocol):
    """What loading gives."""

    @property
    def engine(self) -> Runs:
        """What the thread runs."""


Loaded = TypeVar("Loaded", bound=HasEngine)


class Worker(Generic[Loaded]):
    """One thread a model; callers may be in any event loop.

    Args:
        name: of the upstream, for errors.
        load: makes the model, in the thread.
    """

    def __init__(self, name: str, load: Callable[[], Loaded]) -> None:
        self._name, self._load = name, load
        self._waiting: deque[Completion] = deque()
        self._outbox = Outbox()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loaded: Future[Loaded] = Future()
        self._closed = False

    async def start(self) -> Loaded:
        """What was loaded, after loading it if that was not done or failed before.

        Raises:
            Closed: the worker was closed.
        """
        with self._changed:
            if self._closed:
                raise Closed(self._name, "was closed")
            if self._thread is None:
                self._begin()
            loaded = self._loaded
        return loaded.result() if loaded.done() else await asyncio.wrap_future(loaded)

    def submit(self, order: Order, decode: Decode) -> tuple[Completion, Mailbox]:
        """A completion that waits for its turn, and where its pieces arrive.

        Raises:
            Closed: the worker was closed.
        """
        mailbox = Mailbox(self._outbox)
        completion = Completion(order, decode, mailbox.post)
        with self._changed:
            if self._closed:
                raise Closed(self._name, "was closed")
            self._waiting.append(completion)
            self._changed.notify()
        return completion, mailbox

    async def close(self) -> None:
        """End the thread; who waits or is being served gets `Closed`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            await asyncio.to_thread(thread.join)
        self._loaded = Future()

    def _begin(self) -> None:
        self._loaded = Future()
        self._loaded.set_running_or_notify_cancel()  # one caller who gives up must not cancel it for the others
        self._thread = threading.Thread(
            target=self._run, args=(self._loaded,), name=f"local model {self._name}", daemon=True
        )
        self._thread.start()

    def _run(self, promise: "Future[Loaded]") -> None:
        try:
            loaded = self._load()
        except BaseException as error:
            with self._changed:
                self._thread = None  # the next call tries again
            promise.set_exception(error)
            return
        promise.set_result(loaded)
        while self._await_work(loaded.engine):
            loaded.engine.turn(self._waiting)
            self._outbox.deliver()
        self._end(loaded.engine)

    def _await_work(self, engine: Runs) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting or not engine.idle)
            return not self._closed

    def _end(self, engine: Runs) -> None:
        closed = Closed(self._name, "was closed")
        engine.end_all(closed)
        for completion in self._waiting:
            completion.fail(closed)
        self._waiting.clear()
        self._outbox.deliver()
