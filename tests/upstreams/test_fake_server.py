"""What an upstream behind the server does wrong, a client in front of it sees."""

import asyncio

import aiohttp
import pytest

from anabranch.upstreams import errors
from anabranch.upstreams.fake import Fake, Truncated
from anabranch.upstreams.fake_server import FakeServer, Status
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.upstream import Request

ASK = Request("tiny", ({"role": "user", "content": "2 + 2?"},))
KINDS = [
    errors.BadRequest,
    errors.Unauthorised,
    errors.UnknownModel,
    errors.ContextTooLong,
    errors.RateLimited,
    errors.Overloaded,
    errors.TimedOut,
]


async def failure(fake: Fake, stream: bool) -> tuple[errors.UpstreamError, list[str]]:
    """The error that a client of a server over `fake` gets, and what it heard before."""
    said: list[str] = []
    async with FakeServer(fake) as server:
        client = OpenAICompatible("front", server.base_url, attempts=1)
        with pytest.raises(errors.UpstreamError) as caught:
            if not stream:
                await client.complete(ASK)
            async for chunk in client.stream(ASK):
                said.append(chunk.text)
        await client.close()
    return caught.value, said


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_errors_keep_their_kind_and_their_wait(kind: type[errors.UpstreamError], stream: bool) -> None:
    fake = Fake({"2 + 2?": "4"}, faults=[kind("behind", "said no", retry_after_s=2.5)])
    error, said = asyncio.run(failure(fake, stream))
    assert type(error) is kind
    assert error.retry_after_s == 2.5
    assert said == []


def test_an_error_in_mid_stream_is_an_event() -> None:
    error, said = asyncio.run(failure(Fake({"2 + 2?": "It is 4"}, faults=[Truncated(2)]), stream=True))
    assert said == ["It", " is"]
    assert isinstance(error, errors.Overloaded)
    assert "saying: upstream 'fake' broke off its answer" in str(error)


def test_a_scripted_refusal_has_the_shape_of_the_protocol() -> None:
    async def refused() -> tuple[int, str | None, object]:
        fault = Status(429, "slow down", "rate_limit_exceeded", {"Retry-After": "7"})
        async with (
            FakeServer(Fake({}), [fault]) as server,
            aiohttp.ClientSession() as session,
            session.post(f"{server.base_url}/chat/completions", json={"model": "tiny"}) as response,
        ):
            return response.status, response.headers.get("Retry-After"), await response.json()

    error = {"message": "slow down", "type": "upstream_error", "param": None, "code": "rate_limit_exceeded"}
    assert asyncio.run(refused()) == (429, "7", {"error": error})
