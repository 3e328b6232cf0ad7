import asyncio

import pytest

from anabranch.serving.strategies.bounds import UNBOUNDED, Bounds
from anabranch.upstreams.errors import TimedOut
from anabranch.upstreams.upstream import Request


def test_the_newer_name_of_the_limit_is_capped_where_it_stands() -> None:
    asked = Request("m", (), extra={"max_completion_tokens": 9, "user": "u"})
    capped = Bounds(completion_tokens=5).capped(asked)
    assert (capped.max_tokens, capped.extra) == (None, {"max_completion_tokens": 5, "user": "u"})
    assert UNBOUNDED.capped(asked) is asked
    nonsense = Request("m", (), max_tokens=9, extra={"max_completion_tokens": None})
    capped = Bounds(completion_tokens=5).capped(nonsense)
    assert (capped.max_tokens, capped.extra) == (5, {"max_completion_tokens": 5})


def test_too_late_may_have_to_be_paid() -> None:
    async def wait() -> None:
        async with Bounds(timeout_s=0.01).time("far"):
            await asyncio.sleep(5)

    with pytest.raises(TimedOut, match=r"upstream 'far' did not answer within 0.01 s") as caught:
        asyncio.run(wait())
    assert caught.value.maybe_paid == 1


def test_a_timeout_of_somebody_else_is_not_ours() -> None:
    async def fail() -> None:
        async with Bounds(timeout_s=5).time("far"):
            raise TimeoutError("of the disk")

    with pytest.raises(TimeoutError, match="of the disk"):
        asyncio.run(fail())
