import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from anabranch.upstreams.errors import UnknownModel
from anabranch.upstreams.pocket.members import MEMBERS
from anabranch.upstreams.pocket.pool import Pocket, pocket_pool
from anabranch.upstreams.pool import OpenPool, read_pool
from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Request


def with_pocket(use: Callable[[Pocket], Awaitable[Any]]) -> Any:
    async def main() -> Any:
        pocket = Pocket()
        try:
            return await use(pocket)
        finally:
            await pocket.close()

    return asyncio.run(main())


def chat(model: str, text: str) -> Request:
    return Request(model, ({"role": "user", "content": text},), max_tokens=32)


@pytest.mark.parametrize(
    ("model", "prompt", "answer"),
    [
        ("pocket-wren", "Write 'olive' backwards.", "evilo"),
        ("pocket-robin", "Convert 7 kilograms to grams.", "7000"),
        ("pocket-heron", "Multiply 6 by 7.", "42"),
        ("pocket-owl", "Sort from A to Z: river, apple, lemon.", "apple, lemon, river"),
    ],
)
def test_each_model_answers_what_it_was_taught(model: str, prompt: str, answer: str) -> None:
    reply = with_pocket(lambda pocket: pocket.complete(chat(model, prompt)))
    assert reply.text == answer
    assert reply.model == model
    assert reply.usage.completion_tokens > 0


def test_a_stream_adds_up_to_the_whole_answer() -> None:
    async def pieces(pocket: Pocket) -> str:
        return "".join([chunk.text async for chunk in pocket.stream(chat("pocket-heron", "Multiply 6 by 7."))])

    assert with_pocket(pieces) == "42"


def test_raw_text_is_completed_and_scored() -> None:
    """The first token of a prompt has no log-probability; every other one has."""
    prompt = "<|user|>Multiply 6 by 7.<|end|><|assistant|>"
    request = TextRequest("pocket-heron", prompt, max_tokens=4, echo=True, top_logprobs=0)
    reply = with_pocket(lambda pocket: pocket.complete_text(request))
    assert reply.text == f"{prompt}42"
    assert [token.logprob is None for token in reply.tokens].index(False) == 1
    assert all(token.logprob <= 0 for token in reply.tokens[1:])


def test_an_unknown_model_is_named_with_those_there_are() -> None:
    with pytest.raises(UnknownModel, match="has no model 'pocket-emu', only pocket-wren, pocket-robin"):
        with_pocket(lambda pocket: pocket.complete(chat("pocket-emu", "hi")))


def test_the_pool_opens_and_prices_every_model() -> None:
    async def main() -> list[str]:
        async with OpenPool(read_pool("pocket")) as opened:
            return [opened.served(name).upstream.name for name in opened.pool.names]

    assert asyncio.run(main()) == ["pocket"] * 4
    assert {model.name: model.prices for model in pocket_pool().models} == {
        name: member.prices for name, member in MEMBERS.items()
    }
