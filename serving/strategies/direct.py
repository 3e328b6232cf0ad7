"""The model that the client names."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from anabranch.serving.dialect import C, Q, R
from anabranch.serving.strategies.calls import Calls

REASON = "asked for by name"


@dataclass(frozen=True)
class Direct:
    """One model of the pool, whatever the prompt."""

    model: str
    name: str = "direct"

    async def complete(self, calls: Calls[Q, R, C]) -> R:
        """See `Strategy.complete`."""
        calls.decided(self.model, REASON)
        return await calls.complete(self.model)

    async def stream(self, calls: Calls[Q, R, C]) -> AsyncGenerator[C, None]:
        """See `Strategy.stream`."""
        calls.decided(self.model, REASON)
        return calls.stream(self.model)
