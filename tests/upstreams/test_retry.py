import asyncio
import random
from datetime import UTC, datetime

import pytest

from anabranch.upstreams.errors import BadRequest, Overloaded, RateLimited, UpstreamError
from anabranch.upstreams.retry import Attempts, Backoff, retry_after_s

NOW = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "asked", "u", "expected"),
    [(1, None, 0.5, 0.25), (2, None, 0.5, 0.5), (3, None, 0.5, 1.0), (1, 3.0, 0.0, 3.0), (1, 3.0, 0.5, 3.25)],
)
def test_delay_doubles_on_top_of_retry_after(sent: int, asked: float | None, u: float, expected: float) -> None:
    """u x 0.5 s x 2^(sent - 1) + Retry-After."""
    assert Backoff().delay_s(sent, asked, u) == expected


def test_delay_is_capped() -> None:
    assert Backoff(longest_s=9.0).delay_s(1, 3600.0, 0.5) == 9.0
    assert Backoff(longest_s=9.0).delay_s(30, None, 0.5) == 9.0


def test_no_attempt_is_refused() -> None:
    with pytest.raises(ValueError, match="attempts is 0; at least 1"):
        Backoff(0)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        ("Wed, 01 May 2024 12:01:30 GMT", 90.0),
        ("Wed, 01 May 2024 12:01:30 -0000", 90.0),
        ("Wed, 01 May 2024 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-3", None),
        ("1e9", None),
        ("", None),
    ],
)
def test_retry_after(value: str, expected: float | None) -> None:
    assert retry_after_s({"Retry-After": value}, NOW) == expected


def test_no_retry_after() -> None:
    assert retry_after_s({}, NOW) is None


def test_a_date_is_compared_with_the_upstreams_clock() -> None:
    """The upstream's clock is an hour ahead: by it, the date is 5 s away."""
    headers = {"Retry-After": "Wed, 01 May 2024 13:00:05 GMT", "Date": "Wed, 01 May 2024 13:00:00 GMT"}
    assert retry_after_s(headers, NOW) == 5.0


class Clock:
    """Time that passes while one sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def attempts_of(clock: Clock, total_s: float = 600.0) -> Attempts:
    return Attempts(Backoff(attempts=3), total_s, clock, clock.sleep, random.Random(0))


def test_waits_until_attempts_are_used_up() -> None:
    """Three requests have two waits between them, of jitter on top of 1 s each."""
    clock, rng = Clock(), random.Random(0)
    attempts, failure = attempts_of(clock), RateLimited("x", "said no", retry_after_s=1.0)

    async def until_refused() -> None:
        while True:
            attempts.begin()
            await attempts.wait(failure)

    with pytest.raises(RateLimited):
        asyncio.run(until_refused())
    assert attempts.sent == 3
    assert clock.slept == [1.0 + rng.random() * 0.5, 1.0 + rng.random()]


@pytest.mark.parametrize("failure", [BadRequest("x", "said no"), Overloaded("x", "said no", retry_after_s=10.0)])
def test_does_not_wait_in_vain(failure: UpstreamError) -> None:
    """A bad request stays bad, and a wait of 10 s does not fit into 10 s."""
    clock = Clock()
    attempts = attempts_of(clock, total_s=10.0)
    attempts.begin()
    with pytest.raises(type(failure)):
        asyncio.run(attempts.wait(failure))
    assert clock.slept == []


def test_a_request_may_take_what_is_left() -> None:
    """10 s in all, 4 s gone; once nothing is left a request still gets a limit, since 0 would mean none."""
    clock = Clock()
    attempts = attempts_of(clock, total_s=10.0)
    assert attempts.begin() == 10.0
    clock.now_s += 4.0
    assert attempts.begin() == 6.0
    clock.now_s += 6.0
    assert attempts.begin() == 0.001
