"""An upstream that answers from memory, the same way each time, and fails on demand."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from anabranch.upstreams.errors import BadReply, BadRequest, Closed, EmptyAnswer, UnknownModel, UpstreamError
from anabranch.upstreams.refusal import texts
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Capabilities, Chunk, Reply, Request, TokenLogprob, Usage


@dataclass(frozen=True)
class Delay:
    """Answer after this long."""

    seconds: float


@dataclass(frozen=True)
class Truncated:
    """Break off after so many words."""

    words: int = 0


Fault = UpstreamError | Delay | Truncated


class Fake:
    """A deterministic upstream: a token is a word, and its log-probability is 0.

    Args:
        answers: a function of the request, or the answer to each text of a last message.
        name: for logs and errors.
        models: the names that it answers to; None for all.
        capabilities: for the router's mask.
        faults: what goes wrong with the first call, the second, ...; None for nothing.
        sleep: takes the seconds of a `Delay`.

    >>> fake = Fake({"2 + 2?": "It is 4"})
    >>> reply = asyncio.run(fake.complete(Request("tiny", ({"role": "user", "content": "2 + 2?"},))))
    >>> reply.text, reply.usage.prompt_tokens, reply.usage.completion_tokens
    ('It is 4', 3, 3)
    """

    def __init__(
        self,
        answers: Mapping[str, str] | Callable[[Request], str],
        *,
        name: str = "fake",
        models: Collection[str] | None = None,
        capabilities: Capabilities = Capabilities(several=False),  # noqa: B008 - frozen
        faults: Sequence[Fault | None] = (),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._answers, self._name, self._models = answers, name, models
        self._capabilities, self._faults, self._sleep = capabilities, tuple(faults), sleep
        self._closed = False
        self.requests: list[Request] = []

    @property
    def name(self) -> str:
        """What logs and errors call it."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it claims to do."""
        return self._capabilities

    async def complete(self, request: Request) -> Reply:
        """The whole answer; its latency is what a `Delay` says.

        Raises:
            UpstreamError: a scripted fault, an unknown model, no answer for this prompt, or a closed fake.
        """
        fault = await self._meet(request)
        words, finish_reason = self._words(request)
        if isinstance(fault, Truncated):
            raise BadReply(self._name, "broke off its answer")
        return Reply(
            text="".join(words),
            model=request.model,
            finish_reason=finish_reason,
            usage=_usage(request, words),
            latency_s=fault.seconds if isinstance(fault, Delay) else 0.0,
            logprobs=() if request.top_logprobs is None else tuple(TokenLogprob(word, 0.0) for word in words),
        )

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer word by word.

        Raises:
            UpstreamError: as `complete`; a `Truncated` stream after its words.
        """
        fault = await self._meet(request)
        words, finish_reason = self._words(request)
        for word in words[: fault.words] if isinstance(fault, Truncated) else words:
            yield Chunk(word)
        if isinstance(fault, Truncated):
            raise BadReply(self._name, "broke off its answer")
        yield Chunk("", finish_reason, _usage(request, words))

    async def complete_text(self, request: TextRequest) -> TextReply:
        """What `stream_text` says, in one piece.

        Raises:
            UpstreamError: as `complete`.
        """
        chunks = [chunk async for chunk in self.stream_text(request)]
        return TextReply(
            text="".join(chunk.text for chunk in chunks),
            model=request.model,
            finish_reason=chunks[-1].finish_reason or "stop",
            usage=chunks[-1].usage,
            latency_s=0.0,
            tokens=tuple(token for chunk in chunks for token in chunk.tokens),
        )

    async def stream_text(self, request: TextRequest) -> AsyncGenerator[TextChunk, None]:
        """The answer to a chat of the prompt alone, after the prompt itself if it is to be echoed.

        Raises:
            UpstreamError: as `stream`.
        """
        prompt = request.prompt if isinstance(request.prompt, str) else " ".join(map(str, request.prompt))
        echoed = _words_of(prompt) if request.echo else []
        async with aclosing(self.stream(_as_chat(request, prompt))) as chunks:
            async for chunk in chunks:
                for index, word in enumerate(echoed):
                    yield TextChunk(word, tokens=_tokens(request, word, None if index == 0 else 0.0))
                echoed = []
                yield TextChunk(chunk.text, chunk.finish_reason, chunk.usage, _tokens(request, chunk.text, 0.0))

    async def close(self) -> None:
        """Answer no more."""
        self._closed = True

    async def _meet(self, request: Request) -> Fault | None:
        if self._closed:
            raise Closed(self._name, "was closed")
        call = len(self.requests)
        self.requests.append(request)
        fault = self._faults[call] if call < len(self._faults) else None
        if isinstance(fault, UpstreamError):
            raise fault
        if isinstance(fault, Delay):
            await self._sleep(fault.seconds)
        if self._models is not None and request.model not in self._models:
            raise UnknownModel(self._name, f"has no model {request.model!r}", status=404)
        return fault

    def _words(self, request: Request) -> tuple[list[str], str]:
        """The words of the answer, and why they end."""
        answer = self._answers(request) if callable(self._answers) else self._looked_up(self._answers, request)
        cut = min((at for stop in request.stop if (at := answer.find(stop)) >= 0), default=len(answer))
        words = _words_of(answer[:cut])
        if request.max_tokens is not None and len(words) > request.max_tokens:
            return words[: request.max_tokens], "length"
        if not answer:
            raise EmptyAnswer(self._name, usage=_usage(request, []))
        return words, "stop"

    def _looked_up(self, answers: Mapping[str, str], request: Request) -> str:
        asked = "".join(texts(request.messages[-1:]))
        if asked not in answers:
            raise BadRequest(self._name, f"has no answer to this prompt, only to {len(answers)} others", status=400)
        return answers[asked]


def echo(name: str) -> Fake:
    """A fake that answers what the last message says; the kind of upstream that pools call "fake".

    >>> asyncio.run(echo("mirror").complete(Request("tiny", ({"role": "user", "content": "hi"},)))).text
    'hi'
    """
    return Fake(lambda request: "".join(texts(request.messages[-1:])), name=name)


def _words_of(text: str) -> list[str]:
    """Words, each but the first with the blank before it."""
    return [piece if index == 0 else f" {piece}" for index, piece in enumerate(text.split(" "))]


def _as_chat(request: TextRequest, prompt: str) -> Request:
    return Request(
        model=request.model,
        messages=({"role": "user", "content": prompt},),
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        stop=request.stop,
        seed=request.seed,
        top_logprobs=request.top_logprobs,
        extra=request.extra,
    )


def _tokens(request: TextRequest, word: str, logprob: float | None) -> tuple[TextToken, ...]:
    if request.top_logprobs is None or not word:
        return ()
    top = ((word, logprob),) if request.top_logprobs and logprob is not None else ()
    return (TextToken(word, logprob, top),)


def _usage(request: Request, words: list[str]) -> Usage:
    return Usage(sum(len(text.split()) for text in texts(request.messages)), len(words))
