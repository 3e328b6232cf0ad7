"""The strategy contract: what a request gets, be it one model's answer or the work of several."""

from collections.abc import AsyncGenerator
from typing import Protocol

from anabranch.serving.dialect import C, Q, R
from anabranch.serving.strategies.calls import Calls


class Strategy(Protocol):
    """One object serves many requests at once, chats and raw completions alike.

    It asks models through `calls`, which knows their names, counts what they cost and writes down each call; and it
    tells `calls.decided` who answers and why. Errors are `UpstreamError`s and `Refused`.
    """

    @property
    def name(self) -> str:
        """What headers call it."""

    async def complete(self, calls: Calls[Q, R, C]) -> R:
        """The whole answer."""

    async def stream(self, calls: Calls[Q, R, C]) -> AsyncGenerator[C, None]:
        """Decide, then the answer in pieces; it ends with a finish reason or an error, closing it cancels its calls."""
