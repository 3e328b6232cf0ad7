"""Upstreams that answer from a script, and calls of them without a gateway."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from anabranch.serving.chat import Chat
from anabranch.serving.strategies.calls import Calls
from anabranch.serving.strategies.record import Record, Waiting
from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.pool import Served
from anabranch.upstreams.upstream import Capabilities, Chunk, Reply, Request, TokenLogprob, Upstream, Usage
from tests.serving.gateways import pool_of

USD_PER_TOKEN = {"wren": 1.0, "jay": 4.0, "owl": 16.0}
BIRDS = tuple(USD_PER_TOKEN)


@dataclass(frozen=True)
class Say:
    """An answer, word by word; a word is a token.

    Args:
        text: the words.
        logprobs: one a word, or one for all of them.
        hang: never give the word of this number.
        breaks: raise this instead of the word of number `at`.
    """

    text: str
    logprobs: Sequence[float] = (-0.1,)
    hang: int | None = None
    breaks: UpstreamError | None = None
    at: int = 0

    @property
    def words(self) -> list[str]:
        return [word if place == 0 else f" {word}" for place, word in enumerate(self.text.split(" "))]


@dataclass
class Bird:
    """Gives a script's answers, one a call, and the last one again and again.

    Args:
        name: of the model and its upstream.
        script: what it says to a request of its n-th call.
        capabilities: of the upstream.
    """

    name: str
    script: Sequence[Say] | Callable[[Request, int], Say]
    capabilities: Capabilities = field(default_factory=Capabilities)
    requests: list[Request] = field(default_factory=list)
    streamed: int = 0
    cancelled: int = 0
    running: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, request: Request) -> Reply:
        say = self._say(request)
        words = [word async for word in self._words(say, request)]
        each = say.logprobs if len(say.logprobs) > 1 else list(say.logprobs) * len(words)
        said = tuple(TokenLogprob(word, logprob) for word, logprob in zip(words, each, strict=True))
        logprobs = () if request.top_logprobs is None else said
        return Reply("".join(words), request.model, "stop", Usage(3, len(words)), 0.5, logprobs)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        self.streamed += 1
        say, count = self._say(request), 0
        async for word in self._words(say, request):
            count += 1
            yield Chunk(word)
        yield Chunk("", "stop", Usage(3, count))

    async def close(self) -> None:
        """Nothing is open."""

    def _say(self, request: Request) -> Say:
        call = len(self.requests)
        self.requests.append(request)
        return self.script(request, call) if callable(self.script) else self.script[min(call, len(self.script) - 1)]

    async def _words(self, say: Say, request: Request) -> AsyncGenerator[str, None]:
        self.running.set()
        for place, word in enumerate(say.words[: request.max_tokens]):
            if place == say.hang:
                await self._forever()
            if say.breaks is not None and place == say.at:
                raise say.breaks
            yield word

    async def _forever(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def price(model: str, usage: Usage) -> float | None:
    """Completion tokens alone cost."""
    return USD_PER_TOKEN[model] * usage.completion_tokens


def chat(text: str = "an easy one", **fields: object) -> Request:
    """What a client asks."""
    return Request("cascade", ({"role": "user", "content": text},), **fields)  # type: ignore[arg-type]


def calls_of(upstreams: Mapping[str, Upstream], request: Request | None = None) -> Calls[Request, Reply, Chunk]:
    """Calls of upstreams by the name of their model."""
    pool = pool_of(list(upstreams))
    served = {name: Served(pool.model(name), upstream) for name, upstream in upstreams.items()}
    return Calls(request or chat(), Chat(), served, price, Record("cascade"), Waiting())


async def text_of(pieces: Awaitable[AsyncGenerator[Chunk, None]]) -> str:
    """A streamed answer, put together."""
    return "".join([chunk.text async for chunk in await pieces])
