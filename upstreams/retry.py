"""When to ask again: exponential backoff with jitter that gives way to Retry-After."""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from anabranch.upstreams.errors import UpstreamError


@dataclass(frozen=True)
class Backoff:
    """How often to ask and how long to wait in between.

    Args:
        attempts: requests in all, the first included; at least 1.
        first_s: longest wait before the second request; doubles with each one.
        longest_s: cap of a wait, and of what the upstream may ask for.
    """

    attempts: int = 4
    first_s: float = 0.5
    longest_s: float = 60.0

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise ValueError(f"attempts is {self.attempts}; at least 1 request must be sent")

    def delay_s(self, sent: int, retry_after_s: float | None, u: float) -> float:
        """Wait after `sent` requests, u in [0, 1); Retry-After is a floor, and the jitter comes on top of it.

        Source: "full jitter" of Brooker, Exponential Backoff And Jitter, 2015.

        >>> Backoff().delay_s(3, None, u=0.5), Backoff().delay_s(1, 7.0, u=0.5)
        (1.0, 7.25)
        """
        jitter_s = u * self.first_s * 2.0 ** (sent - 1)
        return min(self.longest_s, (retry_after_s or 0.0) + jitter_s)


class Attempts:
    """The requests of one call: counts them, and waits between them or gives up.

    Args:
        backoff: how often and how long.
        total_s: for all requests and the waits between them, from the first request on.
        clock: seconds.
        sleep: waits that many seconds.
        rng: jitter.
    """

    def __init__(
        self,
        backoff: Backoff,
        total_s: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        rng: random.Random,
    ) -> None:
        self.sent = 0
        self._unconnected = 0
        self._backoff, self._total_s = backoff, total_s
        self._clock, self._sleep, self._rng = clock, sleep, rng
        self._started = 0.0

    def begin(self) -> float:
        """Count a request that is about to be sent; the seconds that it may take."""
        if self.sent == 0:
            self._started = self._clock()
        self.sent += 1
        # aiohttp reads 0 as "no limit"
        return max(self._total_s - self.elapsed_s(), 1e-3)

    def elapsed_s(self) -> float:
        """Since the first request began."""
        return self._clock() - self._started

    def unconnected(self) -> None:
        """Say that the request just begun found no connection, so that it never went out."""
        self._unconnected += 1

    def failed(self, failure: UpstreamError) -> UpstreamError:
        """The failure, which now says how many requests of the call went out."""
        failure.attempts = self.sent - self._unconnected
        return failure

    async def wait(self, failure: UpstreamError) -> None:
        """Wait before the next request; raises `failure` if there must not be one."""
        delay_s = self._backoff.delay_s(self.sent, failure.retry_after_s, self._rng.random())
        too_late = self.elapsed_s() + delay_s >= self._total_s
        if not failure.retryable or self.sent >= self._backoff.attempts or too_late:
            raise self.failed(failure)
        await self._sleep(delay_s)


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, given as a number or as a date; None if it does not.

    A date is compared with the upstream's own Date header where there is one, so that clocks may differ.

    Source: RFC 9110, section 10.2.3.

    >>> retry_after_s({"Retry-After": "1.5"}, datetime.now(UTC))
    1.5
    """
    value = headers.get("Retry-After", "").strip()
    if value.replace(".", "", 1).isdecimal():
        return float(value)
    until = _date(value)
    return None if until is None else max(0.0, (until - (_date(headers.get("Date", "")) or now)).total_seconds())


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
