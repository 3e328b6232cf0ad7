"""An upstream of raw text, asked from threads that have no event loop."""

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, TypeVar

from anabranch.upstreams.errors import Closed, UpstreamError
from anabranch.upstreams.text_completion import CompletesText, TextReply, TextRequest
from anabranch.upstreams.upstream import Capabilities, Upstream

Got = TypeVar("Got")


class Blocking:
    """Asks in an event loop of its own, whose thread begins with the first request and ends with `close`.

    Args:
        upstream: used by nobody else, and closed with this.

    Raises:
        ValueError: an upstream that answers chats only.
    """

    def __init__(self, upstream: Upstream) -> None:
        if not isinstance(upstream, CompletesText):
            raise ValueError(f"upstream {upstream.name!r} answers chats only; name one that completes text")
        self._upstream, self._texts = upstream, upstream
        self._changing = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """What logs and errors call the upstream."""
        return self._upstream.name

    @property
    def capabilities(self) -> Capabilities:
        """What the upstream can do."""
        return self._upstream.capabilities

    def complete_texts(self, requests: Sequence[TextRequest]) -> list[TextReply | UpstreamError]:
        """What came of each request, all of them sent at once.

        Raises:
            Closed: it was closed, before or meanwhile.
        """
        with self._changing:
            if self._closed:
                raise Closed(self.name, "was closed")
            answers = asyncio.run_coroutine_threadsafe(self._all(requests), self._running())
        try:
            return answers.result()
        except CancelledError:
            raise Closed(self.name, "was closed") from None

    def close(self) -> None:
        """Close the upstream and end the thread; who waits for answers gets `Closed`."""
        with self._changing:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._end(), loop).result()
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run, args=(self._loop,), name=f"client of {self.name}", daemon=True)
            thread.start()
        return self._loop

    async def _all(self, requests: Sequence[TextRequest]) -> list[TextReply | UpstreamError]:
        return [*await asyncio.gather(*(_or_error(self._texts.complete_text(request)) for request in requests))]

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:  # they may be waiting to try again, which no upstream ends
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(UpstreamError):
            await self._upstream.close()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


async def _or_error(answer: Coroutine[Any, Any, Got]) -> Got | UpstreamError:
    try:
        return await answer
    except UpstreamError as error:
        return error
