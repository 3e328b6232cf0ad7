"""What a failed call says of the requests that went out, and of those that may have to be paid for."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from anabranch.upstreams import errors
from anabranch.upstreams.fake import Fake
from anabranch.upstreams.fake_server import FakeServer, Fault, Hang, Raw, Reset, Status, Truncate, WrongUsage
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.upstream import Request

ASK = Request("tiny", ({"role": "user", "content": "2 + 2?"},))


async def at_once(seconds: float) -> None:
    """A wait between retries that takes no time."""


async def failed(client: OpenAICompatible, request: Request = ASK) -> errors.UpstreamError:
    with pytest.raises(errors.UpstreamError) as caught:
        await client.complete(request)
    return caught.value


def failure(faults: Sequence[Fault], attempts: int) -> errors.UpstreamError:
    async def run() -> errors.UpstreamError:
        async with FakeServer(Fake({"2 + 2?": "4"}), faults) as server:
            client = OpenAICompatible("x", server.base_url, attempts=attempts, read_timeout_s=0.03, sleep=at_once)
            error = await failed(client)
            await client.close()
            assert error.attempts == len(server.received)
        return error

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("faults", "attempts", "maybe_paid"),
    [
        ([Status(429)] * 3, 3, 0),
        ([Status(503)] * 2, 2, 0),
        ([Status(404)], 1, 0),
        ([Hang()] * 2, 2, 2),
        ([Truncate(0)] * 2, 2, 2),
        ([Raw(b"<html>")], 1, 1),
        ([Reset()], 1, 1),
        ([WrongUsage({"prompt_tokens": 1, "completion_tokens": -1})], 1, 1),
        ([Status(503), Status(400)], 2, 0),
    ],
)
def test_answers_that_did_not_arrive_may_be_billed(faults: list[Fault], attempts: int, maybe_paid: int) -> None:
    """A refusal costs nothing; whoever hangs or breaks off may have worked."""
    error = failure(faults, attempts)
    assert (error.attempts, error.maybe_paid) == (attempts, maybe_paid)


def test_a_refused_connection_is_no_attempt() -> None:
    async def run() -> errors.UpstreamError:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        client = OpenAICompatible("dead", f"http://127.0.0.1:{port}/v1", sleep=at_once, attempts=3)
        error = await failed(client)
        await client.close()
        return error

    error = asyncio.run(run())
    assert (type(error), error.attempts, error.maybe_paid) == (errors.Unreachable, 0, 0)


def test_what_is_never_sent_is_no_attempt() -> None:
    async def run() -> tuple[int, int]:
        client = OpenAICompatible("x", "http://127.0.0.1:1/v1")
        no_json = await failed(client, Request("tiny", ASK.messages, extra={"x": object()}))
        await client.close()
        return no_json.attempts, (await failed(client)).attempts

    assert asyncio.run(run()) == (0, 0)


def test_a_stream_that_breaks_was_one_attempt() -> None:
    async def run() -> errors.UpstreamError:
        async with FakeServer(Fake({"2 + 2?": "It is 4"}), [Status(500), Truncate(2)]) as server:
            client = OpenAICompatible("x", server.base_url, sleep=at_once)
            with pytest.raises(errors.BadReply) as caught:
                async for _ in client.stream(ASK):
                    pass
            await client.close()
        return caught.value

    error = asyncio.run(run())
    assert (error.attempts, error.maybe_paid) == (2, 2)
