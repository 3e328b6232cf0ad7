"""The official client, unchanged, against a gateway on loopback."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import openai
import pytest
from openai import AsyncOpenAI

from anabranch.upstreams import errors
from anabranch.upstreams.fake import Truncated
from anabranch.upstreams.upstream import Upstream
from tests.serving.gateways import ANSWER, fake, router, running

Got = TypeVar("Got")
HELLO: Any = [{"role": "user", "content": "an easy one"}]


def through(use: Callable[[AsyncOpenAI], Awaitable[Got]], upstreams: Mapping[str, Upstream] | None = None) -> Got:
    """What `use` makes of a client of a gateway that routes."""

    async def run() -> Got:
        birds = {"wren": fake(), "owl": fake()} if upstreams is None else upstreams
        async with (
            running(birds, router(), key="key") as gateway,
            AsyncOpenAI(api_key="key", base_url=f"{gateway.address}/v1", max_retries=0) as client,
        ):
            return await use(client)

    return asyncio.run(run())


def test_a_chat() -> None:
    async def use(client: AsyncOpenAI) -> None:
        raw = await client.chat.completions.with_raw_response.create(model="auto", messages=HELLO)
        reply = raw.parse()
        assert reply.choices[0].message.content == ANSWER
        assert reply.usage is not None and reply.usage.total_tokens == 6
        assert raw.headers["x-anabranch-model"] == "wren"

    through(use)


def test_a_chat_with_a_trade_off() -> None:
    async def use(client: AsyncOpenAI) -> str:
        hard: Any = [{"role": "user", "content": "a hard one"}]
        raw = await client.chat.completions.with_raw_response.create(
            model="auto", messages=hard, extra_body={"anabranch": {"tradeoff": 0.0}}
        )
        return raw.headers["x-anabranch-model"]

    assert through(use) == "wren"


def test_a_streamed_chat() -> None:
    """3 words in and 3 out on the wren: 3e-6 + 6e-6 USD."""

    async def use(client: AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(
            model="auto", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == ANSWER
        assert chunks[-1].usage is not None and chunks[-1].usage.total_tokens == 6
        assert chunks[-1].model_extra is not None
        assert chunks[-1].model_extra["anabranch"]["cost_usd"] == pytest.approx(9e-6)

    through(use)


def test_a_completion_with_echo_and_logprobs() -> None:
    async def use(client: AsyncOpenAI) -> None:
        reply = await client.completions.create(model="wren", prompt="a b", echo=True, logprobs=1, max_tokens=0)
        assert reply.choices[0].text == "a b"
        logprobs = reply.choices[0].logprobs
        assert logprobs is not None
        assert (logprobs.tokens, logprobs.text_offset) == (["a", " b"], [0, 1])

    through(use)


def test_a_streamed_completion() -> None:
    async def use(client: AsyncOpenAI) -> str:
        stream = await client.completions.create(model="auto", prompt="an easy one", stream=True)
        return "".join([chunk.choices[0].text async for chunk in stream])

    assert through(use) == ANSWER


def test_the_models() -> None:
    async def use(client: AsyncOpenAI) -> list[str]:
        assert (await client.models.retrieve("owl")).id == "owl"
        return [model.id async for model in client.models.list()]

    assert through(use) == ["auto", "two-birds", "wren", "owl"]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (errors.RateLimited("x", "said no"), openai.RateLimitError),
        (errors.ContextTooLong("x", "said no"), openai.BadRequestError),
        (errors.Overloaded("x", "said no"), openai.InternalServerError),
        (errors.TimedOut("x", "said no"), openai.InternalServerError),
    ],
)
def test_errors_are_typed(fault: errors.UpstreamError, kind: type[openai.APIStatusError]) -> None:
    async def use(client: AsyncOpenAI) -> openai.APIStatusError:
        with pytest.raises(kind) as caught:
            await client.chat.completions.create(model="wren", messages=HELLO)
        return caught.value

    upstreams = {"wren": fake(faults=[fault]), "owl": fake()}
    assert "said no" in through(use, upstreams).message


def test_an_unknown_model_and_a_wrong_key() -> None:
    async def use(client: AsyncOpenAI) -> None:
        with pytest.raises(openai.NotFoundError) as missing:
            await client.chat.completions.create(model="robin", messages=HELLO)
        assert missing.value.code == "model_not_found"
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="wrong").models.list()

    through(use)


def test_a_stream_that_breaks_raises() -> None:
    async def use(client: AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(model="wren", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError, match="broke off its answer"):
            async for _ in stream:
                pass

    through(use, {"wren": fake(faults=[Truncated(1)]), "owl": fake()})
