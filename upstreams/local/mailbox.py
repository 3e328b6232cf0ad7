"""From the worker's thread to callers in their event loops."""

import asyncio
from contextlib import suppress

from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.local.pieces import Piece

Item = Piece | UpstreamError
Letters = list[tuple[asyncio.Queue[Item], Item]]


class Outbox:
    """What was posted and not delivered yet; an event loop is woken once for all its letters."""

    def __init__(self) -> None:
        self._letters: dict[asyncio.AbstractEventLoop, Letters] = {}

    def put(self, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[Item], item: Item) -> None:
        """Keep a letter for the next delivery."""
        self._letters.setdefault(loop, []).append((queue, item))

    def deliver(self) -> None:
        """Hand all letters over."""
        letters, self._letters = self._letters, {}
        for loop, some in letters.items():
            with suppress(RuntimeError):  # a loop that was closed has nobody waiting
                loop.call_soon_threadsafe(_hand_over, some)


class Mailbox:
    """Where one caller waits for what the worker posts; made in the caller's event loop."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[Item] = asyncio.Queue()

    def post(self, item: Item) -> None:
        """Send an item; called in the worker's thread."""
        self._outbox.put(self._loop, self._queue, item)

    async def next(self) -> Piece:
        """The next piece.

        Raises:
            UpstreamError: it came instead.
        """
        item = await self._queue.get()
        if isinstance(item, UpstreamError):
            raise item
        return item


def _hand_over(letters: Letters) -> None:
    for queue, item in letters:
        queue.put_nowait(item)
