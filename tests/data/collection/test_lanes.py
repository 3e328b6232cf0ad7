"""Who is asked next, who is given up, and what a budget lets through."""

import asyncio
from collections import deque
from typing import Any

import pytest

from anabranch.data.collection.budget import Budget
from anabranch.data.collection.entries import Key
from anabranch.data.collection.lanes import Ask, Lane, ModelQueue, slots_of, with_concurrency
from anabranch.data.collection.prompts import Prompt
from anabranch.upstreams.errors import BadRequest, RateLimited, Unauthorised, UnknownModel, Unreachable, UpstreamError
from anabranch.upstreams.pool import Pool, PoolModel

PROMPT = Prompt("p", (), None, None, b"")


def queue(name: str, asks: int, in_flight: int = 0) -> ModelQueue:
    waiting = deque(Ask(Key(f"p{number}", name, 0), PROMPT, None) for number in range(asks))
    return ModelQueue(PoolModel(name=name, upstream="x"), waiting, patience=3, in_flight=in_flight)


def test_the_model_with_the_fewest_calls_in_flight_is_next() -> None:
    slow, quick = queue("slow", 9, in_flight=5), queue("quick", 9, in_flight=1)
    lane = Lane("x", 6, [slow, quick])
    assert lane.next_queue() is quick
    quick.in_flight = 6
    assert lane.next_queue() is slow
    slow.asks.clear()
    assert lane.next_queue() is quick
    quick.asks.clear()
    assert lane.next_queue() is None


@pytest.mark.parametrize("kind", [Unauthorised, UnknownModel, Unreachable])
def test_lasting_failures_in_a_row_give_a_model_up(kind: type[UpstreamError]) -> None:
    one = queue("owl", 9)
    one.failed(kind("x", "said no"))
    one.failed(kind("x", "said no"))
    one.answered()
    one.failed(kind("x", "said no"))
    one.failed(BadRequest("x", "said no"))
    alive = []
    for _ in range(3):
        one.failed(kind("x", "said no"))
        alive.append(one.waits)
    assert alive == [True, True, False]
    assert isinstance(one.given_up, kind)


def test_failures_that_pass_never_give_a_model_up() -> None:
    one = queue("owl", 9)
    for _ in range(50):
        one.failed(RateLimited("x", "answered 429"))
    assert one.waits


@pytest.mark.parametrize(
    ("settings", "told", "slots"),
    [
        ({"base_url": "x"}, None, 64),
        ({"base_url": "x", "concurrency": 7}, None, 7),
        ({"base_url": "x", "concurrency": 7}, 9, 9),
        ({"kind": "fake"}, None, 8),
        ({"kind": "fake"}, 9, 9),
    ],
)
def test_slots(settings: dict[str, Any], told: int | None, slots: int) -> None:
    pool = Pool.model_validate({"upstreams": {"x": settings}, "models": [{"name": "owl", "upstream": "x"}]})
    assert slots_of(with_concurrency(pool, told).upstreams["x"], told) == slots


def test_a_request_that_does_not_fit_waits_for_what_is_given_back() -> None:
    """Of 10, 6 are reserved, so 6 more do not fit; once the first cost 3, they do; then 2 are too many."""

    async def run() -> None:
        budget = Budget(10.0)
        first = await budget.reserve(6.0)
        second = asyncio.create_task(budget.reserve(6.0))
        behind = asyncio.create_task(budget.reserve(2.0))
        await asyncio.sleep(0.01)
        assert not second.done() and not behind.done()
        assert first is not None
        budget.settle(first, 3.0)
        number = await second
        assert number is not None and not behind.done()
        budget.settle(number, None)
        assert budget.spent_usd == 9.0
        assert await behind is None
        assert budget.reached
        assert await budget.reserve(0.5) is None

    asyncio.run(asyncio.wait_for(run(), 10))


def test_a_halt_lets_nobody_wait() -> None:
    async def run() -> None:
        budget = Budget(10.0)
        await budget.reserve(6.0)
        waiting = asyncio.create_task(budget.reserve(6.0))
        await asyncio.sleep(0)
        budget.halt()
        assert await waiting is None
        assert not budget.reached

    asyncio.run(asyncio.wait_for(run(), 10))


def test_no_limit_lets_everything_through() -> None:
    assert asyncio.run(Budget(None, 5.0).reserve(None)) is not None


def test_earlier_spending_counts() -> None:
    async def run() -> None:
        budget = Budget(10.0, 9.0)
        assert await budget.reserve(1.0) is not None

    asyncio.run(run())
    assert asyncio.run(Budget(10.0, 9.5).reserve(1.0)) is None
