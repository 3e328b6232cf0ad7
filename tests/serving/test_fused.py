"""Models that write together behind the gateway, asked by the official client."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError

from anabranch.serving.fusion.during.fused_model import FusedModel
from tests.serving.gateways import running

ASK: dict[str, Any] = {
    "model": "wren",
    "messages": [{"role": "user", "content": "What is 13 + 44?"}],
    "logprobs": True,
    "top_logprobs": 2,
    "temperature": 0.0,
}


def through(method: str, use: Callable[[AsyncOpenAI], Awaitable[None]]) -> None:
    async def run() -> None:
        upstream = FusedModel("mix", ["pocket-owl", "pocket-heron"], method=method, models=["wren-1b"], device="cpu")
        try:
            async with (
                running({"wren": upstream}) as gateway,
                AsyncOpenAI(api_key="none", base_url=f"{gateway.address}/v1", max_retries=0) as client,
            ):
                await use(client)
        finally:
            await upstream.close()

    asyncio.run(run())


@pytest.mark.parametrize("method", ["gac", "sweetspan"])
def test_a_stream_says_the_same_as_the_whole_and_who_chose_each_token(method: str) -> None:
    async def use(client: AsyncOpenAI) -> None:
        whole: Any = (await client.chat.completions.create(**ASK)).choices[0]
        pieces: list[Any] = [
            chunk.choices[0]
            async for chunk in await client.chat.completions.create(**ASK, stream=True)
            if chunk.choices
        ]
        assert "".join(piece.delta.content or "" for piece in pieces) == whole.message.content != ""
        streamed = [token for piece in pieces if piece.logprobs for token in piece.logprobs.content]
        assert streamed == whole.logprobs.content
        members = {name for token in streamed for name in token.by}
        assert members <= {"pocket-owl", "pocket-heron"} and all(len(token.top_logprobs) == 2 for token in streamed)

    through(method, use)


def test_weights_come_with_a_request() -> None:
    async def use(client: AsyncOpenAI) -> None:
        one, other = [
            (await client.chat.completions.create(**ASK, extra_body={"fusion_weights": weights})).choices[0].message
            for weights in ([1, 0], [0, 1])
        ]
        assert one.content and other.content
        with pytest.raises(BadRequestError, match="2 members need as many weights"):
            await client.chat.completions.create(**ASK, extra_body={"fusion_weights": [1]})

    through("gac", use)
