"""Clients that leave, send too much, or take their time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from anabranch.serving.connection import ClientLeft, Limits, Outgoing
from anabranch.upstreams.fake_server import FakeServer, Hang
from anabranch.upstreams.openai_compatible import OpenAICompatible
from tests.serving.gateways import HELLO, Running, answer_to, fake, on, running

ASK: dict[str, Any] = {"model": "wren", "messages": HELLO}


@pytest.mark.parametrize(("fault", "stream"), [(Hang(), False), (Hang(), True), (Hang(events=1), True)])
def test_a_client_that_leaves_cancels_the_upstream(fault: Hang, stream: bool) -> None:
    """Before the answer, before the first piece, and after it."""

    async def leave(gateway: Running, server: FakeServer) -> None:
        url = f"{gateway.address}/v1/chat/completions"
        async with aiohttp.ClientSession() as session:
            asking = asyncio.create_task(session.post(url, json=ASK | {"stream": stream}))
            while not server.active:
                await asyncio.sleep(0.01)
            if fault.events:
                response = await asking
                await response.content.readany()
                response.close()
            asking.cancel()
            await asyncio.wait((asking,))

    async def run() -> int:
        async with FakeServer(fake(), [fault]) as server:
            client = OpenAICompatible("behind", server.base_url)
            async with running({"wren": client}) as gateway:
                await leave(gateway, server)
                await asyncio.wait_for(server.left.wait(), 5)
            await client.close()
            return server.active

    assert asyncio.run(run()) == 0


def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    answer = answer_to(b"x" * 101, limits=Limits(body_bytes=100))
    assert (answer.status, answer.error["code"]) == (413, "body_too_large")
    assert "larger than 100 bytes" in answer.error["message"]


def test_a_body_that_grows_too_large_is_not_read_on() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b"x" * 10

    async def use(gateway: Running) -> int:
        async with gateway.session.post(f"{gateway.address}/v1/chat/completions", data=pieces()) as response:
            return response.status

    assert on(use, {"wren": fake()}, limits=Limits(body_bytes=100)) == 413


def test_a_body_must_come_in_time() -> None:
    async def use(gateway: Running) -> tuple[int, bytes]:
        host, port = gateway.address.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf")
        status = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return int(status.split()[1]), status

    assert on(use, {"wren": fake()}, limits=Limits(body_s=0.1))[0] == 408


def test_a_client_that_does_not_read_is_given_up() -> None:
    async def never(message: Any) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ClientLeft):
        asyncio.run(Outgoing(never, Limits(send_s=0.01)).piece(b"x"))


def test_many_requests_at_once() -> None:
    """Each gets its own answer and its own decision."""

    async def use(gateway: Running) -> list[str | None]:
        answers = await asyncio.gather(*(gateway.post(ASK) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        return [answer.ours("decision-id") for answer in answers]

    assert len(set(on(use, {"wren": fake()}))) == 50
