"""How long a call may take, and how much it may write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

from anabranch.serving.dialect import Q
from anabranch.upstreams.errors import TimedOut


@dataclass(frozen=True)
class Bounds:
    """What a strategy grants a call, whatever the client and the upstream grant it.

    Args:
        timeout_s: for a whole answer, or for each piece of a streamed one; None for no limit.
        completion_tokens: that it may write; None for no limit.
    """

    timeout_s: float | None = None
    completion_tokens: int | None = None

    def time(self, upstream: str) -> AbstractAsyncContextManager[None]:
        """To wait for an upstream in; it is cancelled if that takes too long.

        Raises:
            TimedOut: it does.
        """
        return nullcontext() if self.timeout_s is None else _timed(upstream, self.timeout_s)

    def capped(self, request: Q) -> Q:
        """The request for no more tokens than are granted.

        >>> from anabranch.upstreams.upstream import Request
        >>> bounds = Bounds(completion_tokens=5)
        >>> [bounds.capped(Request("m", (), max_tokens=asked)).max_tokens for asked in (None, 3, 8)]
        [5, 3, 5]
        """
        most = self.completion_tokens
        if most is None:
            return request
        # a request may say it in either field; some upstreams refuse both at once
        named = "max_completion_tokens"
        if named in request.extra:
            extra: dict[str, Any] = {**request.extra, named: _least(request.extra[named], most)}
            shown = None if request.max_tokens is None else _least(request.max_tokens, most)
            return replace(request, extra=extra, max_tokens=shown)
        return replace(request, max_tokens=_least(request.max_tokens, most))


UNBOUNDED = Bounds()


def _least(asked: object, most: int) -> int:
    """What is asked for but `most`; `most` if that is no number."""
    return min(asked, most) if isinstance(asked, int) else most


@asynccontextmanager
async def _timed(upstream: str, timeout_s: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout_s) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        late = TimedOut(upstream, f"did not answer within {timeout_s:g} s")
        late.attempts = 1  # at least; what it has cost is not known
        raise late from None
