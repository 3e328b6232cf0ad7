"""A budget that is reserved before anything is sent."""

import asyncio


class Budget:
    """What may still be spent: each request reserves the most it may cost, and gives back what it did not.

    A request that does not fit waits, and all that come after it wait behind it, until those in flight have given
    back what they did not need. If none is in flight and it still does not fit, the budget is reached for good.

    Args:
        limit_usd: None for no limit.
        spent_usd: by earlier runs, at most.
    """

    def __init__(self, limit_usd: float | None, spent_usd: float = 0.0) -> None:
        self._limit_usd, self.spent_usd = limit_usd, spent_usd
        self._reserved: dict[int, float] = {}
        self._reserved_usd = 0.0
        self._number = 0
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._halted = False
        self.reached = False

    async def reserve(self, usd: float | None) -> int | None:
        """Wait until a request fits; a number to `settle` it by, or None if it must not be sent."""
        if self._limit_usd is None:
            return 0
        async with self._turn:
            while not self._fits(usd or 0.0):
                # with nothing in flight, nothing will be given back
                self.reached = not self._reserved
                if self._closed:
                    return None
                self._changed.clear()
                await self._changed.wait()
            return None if self._closed else self._reserve(usd or 0.0)

    def _reserve(self, usd: float) -> int:
        self._number += 1
        self._reserved[self._number] = usd
        self._reserved_usd += usd
        return self._number

    def settle(self, number: int, spent_usd: float | None) -> None:
        """Replace a reservation by what was spent at most; by itself if that is not known."""
        reserved_usd = self._reserved.pop(number, 0.0)
        # started anew, so that rounding does not add up
        self._reserved_usd = self._reserved_usd - reserved_usd if self._reserved else 0.0
        self.spent_usd += reserved_usd if spent_usd is None else spent_usd
        self._changed.set()

    def halt(self) -> None:
        """Let nobody wait any longer."""
        self._halted = True
        self._changed.set()

    @property
    def _closed(self) -> bool:
        return self._halted or self.reached

    def _fits(self, usd: float) -> bool:
        assert self._limit_usd is not None
        return self.spent_usd + self._reserved_usd + usd <= self._limit_usd
