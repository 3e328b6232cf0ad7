"""The prompts of one request: answered at once, or their pieces one after another."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing

from anabranch.serving.at_once import at_once
from anabranch.serving.dialect import C, Q, R
from anabranch.serving.strategies.calls import Calls
from anabranch.serving.strategies.strategy import Strategy


async def answers(strategy: Strategy, prompts: Sequence[Calls[Q, R, C]]) -> list[R]:
    """One reply a prompt; the first failure ends them all."""
    if len(prompts) == 1:
        return [await strategy.complete(prompts[0])]
    return await at_once([strategy.complete(calls) for calls in prompts])


async def pieces_of(strategy: Strategy, prompts: Sequence[Calls[Q, R, C]]) -> AsyncGenerator[tuple[int, C], None]:
    """The pieces of each prompt with its number; all is decided before the first is given."""
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(aclosing(await strategy.stream(calls))) for calls in prompts]
        for index, chunks in enumerate(streams):
            async for chunk in chunks:
                yield index, chunk
