"""A model of transformers behind the gateway, asked by the official client."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, BadRequestError
from transformers import PreTrainedModel

from anabranch.upstreams.local.local_model import LocalModel
from tests.serving.gateways import running
from tests.upstreams.local import tiny

PROMPT = "river"
HELLO: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def model() -> PreTrainedModel:
    return tiny.made(tiny.llama)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, model: PreTrainedModel) -> Path:
    return tiny.saved(tmp_path_factory.mktemp("llama"), model)


def through(folder: Path, use: Callable[[AsyncOpenAI], Awaitable[None]]) -> None:
    async def run() -> None:
        upstream = LocalModel("here", folder, models=["wren-1b"])
        try:
            async with (
                running({"wren": upstream}) as gateway,
                AsyncOpenAI(api_key="none", base_url=f"{gateway.address}/v1", max_retries=0) as client,
            ):
                await use(client)
        finally:
            await upstream.close()

    asyncio.run(run())


def test_a_prompt_is_scored(folder: Path, model: PreTrainedModel) -> None:
    """A token is a byte; what one forward over the prompt says of each but the first."""
    ids = list(tiny.byte_tokenizer().encode(PROMPT))
    expected = tiny.logprobs(model, ids)
    scores = [float(expected[at, token]) for at, token in enumerate(ids[1:])]

    async def use(client: AsyncOpenAI) -> None:
        for prompt in (PROMPT, ids):
            reply = await client.completions.create(model="wren", prompt=prompt, echo=True, logprobs=2, max_tokens=0)
            (choice,) = reply.choices
            assert choice.text == PROMPT
            logprobs: Any = choice.logprobs
            assert logprobs.tokens == list(PROMPT)
            assert logprobs.token_logprobs == [None, *(pytest.approx(score, abs=1e-4) for score in scores)]
            assert max(logprobs.top_logprobs[1].values()) == pytest.approx(float(expected[0].max()), abs=1e-4)
            assert logprobs.text_offset == [0, 1, 2, 3, 4]

    through(folder, use)


def test_a_stream_of_raw_text_says_the_same(folder: Path) -> None:
    """The pieces' texts, and the offsets of their tokens, are those of the whole."""

    async def use(client: AsyncOpenAI) -> None:
        ask: dict[str, Any] = {"model": "wren", "prompt": PROMPT, "echo": True, "logprobs": 0, "max_tokens": 6}
        whole = await client.completions.create(**ask)
        choices = [chunk.choices[0] async for chunk in await client.completions.create(**ask, stream=True)]
        assert "".join(choice.text for choice in choices) == whole.choices[0].text
        assert whole.choices[0].logprobs is not None
        offsets = [at for choice in choices if choice.logprobs for at in choice.logprobs.text_offset or []]
        assert offsets == whole.choices[0].logprobs.text_offset

    through(folder, use)


def test_chats(folder: Path) -> None:
    async def use(client: AsyncOpenAI) -> None:
        ask: dict[str, Any] = {"model": "wren", "messages": HELLO, "max_completion_tokens": 5, "logprobs": True}
        whole = await client.chat.completions.create(**ask)
        chunks = [chunk async for chunk in await client.chat.completions.create(**ask, stream=True)]
        assert whole.usage is not None and whole.usage.completion_tokens == 5
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == whole.choices[0].message.content
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[0].choices[0].logprobs is not None
        assert {chunk.id for chunk in chunks} == {chunks[0].id} != {"chatcmpl-0"}

    through(folder, use)


def test_what_it_cannot_honour_is_the_clients_to_change(folder: Path) -> None:
    async def use(client: AsyncOpenAI) -> None:
        with pytest.raises(BadRequestError, match="cannot honour 'logit_bias'"):
            await client.chat.completions.create(model="wren", messages=HELLO, logit_bias={"5": 1})
        with pytest.raises(BadRequestError) as caught:
            await client.completions.create(model="wren", prompt="a" * 300, max_tokens=1)
        assert caught.value.code == "context_length_exceeded"

    through(folder, use)
