"""An upstream whose texts are written by a thread of this process, many of them at once."""

import time
from collections.abc import AsyncGenerator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from anabranch.upstreams.chat_reply import chunk_bodies, reply_body
from anabranch.upstreams.errors import EmptyAnswer, UnknownModel, UpstreamError
from anabranch.upstreams.local.completion import Order
from anabranch.upstreams.local.errors import NotLoaded
from anabranch.upstreams.local.pieces import End, Piece, joined
from anabranch.upstreams.local.scored import Scored
from anabranch.upstreams.local.worker import Runs, Worker
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Capabilities, Chunk, Reply, Request, TokenLogprob, Usage

NAMES_IDS = "return_tokens_as_token_ids"
"""The field of a request for text that wants tokens named by their ids, as vLLM calls it."""
ID = "token_id:"
"""What a token's id comes after where it is its name, as in vLLM's answers."""
CAPABILITIES = Capabilities(
    tools=False, vision=False, json_mode=False, several=False, logprobs=True, prompt_logprobs=True
)


class Decodes(Protocol):
    """Tokens to text."""

    @property
    def text_of(self) -> Callable[[int], str]:
        """The text of one."""

    def decode(self, ids: Sequence[int], /) -> str:
        """The text of several, without special tokens."""


class Orders(Protocol):
    """Requests to orders; raises `BadRequest` for what cannot be done."""

    def chat(self, request: Request, streams: bool) -> Order:
        """The answer to a chat."""

    def text(self, request: TextRequest, streams: bool) -> Order:
        """The continuation of a text."""


class Ready(Protocol):
    """What loading gives."""

    @property
    def engine(self) -> Runs:
        """What the thread runs."""

    @property
    def orders(self) -> Orders:
        """What requests mean."""

    @property
    def vocabulary(self) -> Decodes:
        """Of the tokens that it writes."""

    @property
    def context_window(self) -> int | None:
        """Prompt and completion tokens together; None if nobody says."""


class ThreadedModel:
    """What is loaded with the first call, or by `start`, and serves any event loop.

    `usage` counts the tokens that were computed, which is what a call costs. A chat answer that ends at once is an
    error, `EmptyAnswer`; a continuation of text may be empty. Several tokens can read alike: a request for text whose
    `extra` has `return_tokens_as_token_ids` gets them, and their alternatives, as `token_id:7`.

    Args:
        name: for logs and errors, and a name of the model.
        load: makes what answers, in the thread.
        models: other names that requests may call the model.
        window: prompt and completion tokens together; None if that is not known before it is loaded.
        capabilities: but for the window.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[], Ready],
        *,
        models: Collection[str] = (),
        window: int | None = None,
        capabilities: Capabilities = CAPABILITIES,
    ) -> None:
        self._name, self._models, self._window = name, frozenset((name, *models)), window
        self._capabilities = capabilities
        self._worker: Worker[Ready] = Worker(name, load)

    @property
    def name(self) -> str:
        """What logs and errors call it."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return replace(self._capabilities, context_window=self._window)

    async def start(self) -> None:
        """Load the weights now rather than with the first call.

        Raises:
            ValueError: the folder holds no model.
            Closed: it was closed.
        """
        await self._worker.start()

    async def complete(self, request: Request) -> Reply:
        """The whole answer.

        Raises:
            UpstreamError: the request cannot be served, the answer is empty, or the model failed or was closed.
        """
        began_s = time.monotonic()
        loaded = await self._ready(request.model)
        order = loaded.orders.chat(request, streams=False)
        whole, end = await self._whole(loaded, order)
        self._refuse_empty(whole.text, end)
        return Reply(
            text=whole.text,
            model=request.model,
            finish_reason=end.finish_reason,
            usage=_usage(end),
            latency_s=time.monotonic() - began_s,
            logprobs=_logprobs(loaded, whole),
        )

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces of whole characters.

        Raises:
            UpstreamError: as `complete`.
        """
        loaded = await self._ready(request.model)
        order = loaded.orders.chat(request, streams=True)
        text = ""
        async with aclosing(self._pieces(loaded, order)) as pieces:
            async for piece in pieces:
                text = text or piece.text
                if piece.end is not None:
                    self._refuse_empty(text, piece.end)
                yield _chunk(request.model, piece, _logprobs(loaded, piece))

    async def complete_text(self, request: TextRequest) -> TextReply:
        """The whole continuation; a prompt in words gets the special tokens that the tokenizer puts around a text.

        Raises:
            UpstreamError: the request cannot be served, or the model failed or was closed.
        """
        began_s = time.monotonic()
        loaded = await self._ready(request.model)
        order = loaded.orders.text(request, streams=False)
        whole, end = await self._whole(loaded, order)
        return TextReply(
            text=whole.text,
            model=request.model,
            finish_reason=end.finish_reason,
            usage=_usage(end),
            latency_s=time.monotonic() - began_s,
            tokens=_tokens(loaded, whole, request),
        )

    async def stream_text(self, request: TextRequest) -> AsyncGenerator[TextChunk, None]:
        """The continuation in pieces of whole characters.

        Raises:
            UpstreamError: as `complete_text`.
        """
        loaded = await self._ready(request.model)
        order = loaded.orders.text(request, streams=True)
        async with aclosing(self._pieces(loaded, order)) as pieces:
            async for piece in pieces:
                tokens = _tokens(loaded, piece, request)
                if piece.end is None:
                    yield TextChunk(piece.text, tokens=tokens)
                else:
                    yield TextChunk(piece.text, piece.end.finish_reason, _usage(piece.end), tokens)

    async def close(self) -> None:
        """End the thread and let go of the weights; calls in flight end with `Closed`."""
        await self._worker.close()

    async def _ready(self, model: str) -> Ready:
        if model not in self._models:
            raise UnknownModel(self._name, f"has no model {model!r}, only {sorted(self._models)}")
        try:
            loaded = await self._worker.start()
        except UpstreamError:
            raise
        except Exception as error:
            raise NotLoaded(self._name, f"could not load its model: {error}") from error
        self._window = loaded.context_window
        return loaded

    async def _pieces(self, loaded: Ready, order: Order) -> AsyncGenerator[Piece, None]:
        """What the engine writes; closing it takes the completion out of the batch."""
        completion, mailbox = self._worker.submit(order, loaded.vocabulary.decode)
        try:
            while True:
                piece = await mailbox.next()
                yield piece
                if piece.end is not None:
                    return
        finally:
            completion.cancelled = True

    async def _whole(self, loaded: Ready, order: Order) -> tuple[Piece, End]:
        async with aclosing(self._pieces(loaded, order)) as pieces:
            whole = joined([piece async for piece in pieces])
        assert whole.end is not None
        return whole, whole.end

    def _refuse_empty(self, text: str, end: End) -> None:
        if not text and end.finish_reason == "stop":
            raise EmptyAnswer(self._name, usage=_usage(end))


def _usage(end: End) -> Usage:
    return Usage(end.prompt_tokens, end.completion_tokens)


def _chunk(model: str, piece: Piece, logprobs: tuple[TokenLogprob, ...]) -> Chunk:
    """The chunk of a piece; log-probabilities, for which it has no field, are in its body."""
    finish_reason = piece.end.finish_reason if piece.end else None
    chunk = Chunk(piece.text, finish_reason, _usage(piece.end) if piece.end else None)
    if not logprobs:
        return chunk
    body = chunk_bodies(model, replace(chunk, usage=None))[0]
    with_logprobs = reply_body(Reply("", model, "", None, 0.0, logprobs))
    body["choices"][0]["logprobs"] = with_logprobs["choices"][0]["logprobs"]
    return replace(chunk, body=body)


def _logprobs(loaded: Ready, piece: Piece) -> tuple[TokenLogprob, ...]:
    return tuple(_logprob(loaded, token.scored) for token in piece.tokens)


def _logprob(loaded: Ready, scored: Scored) -> TokenLogprob:
    text = loaded.vocabulary.text_of(scored.token)
    return TokenLogprob(text, scored.logprob or 0.0, _named(loaded, scored.top), scored.by)


def _tokens(loaded: Ready, piece: Piece, request: TextRequest) -> tuple[TextToken, ...]:
    if request.extra.get(NAMES_IDS) is True:
        return tuple(_by_id(token.scored) for token in piece.tokens)
    return tuple(
        TextToken(token.text, token.scored.logprob, _named(loaded, token.scored.top)) for token in piece.tokens
    )


def _by_id(scored: Scored) -> TextToken:
    top = tuple((f"{ID}{token}", logprob) for token, logprob in scored.top)
    return TextToken(f"{ID}{scored.token}", scored.logprob, top)


def _named(loaded: Ready, top: tuple[tuple[int, float], ...]) -> tuple[tuple[str, float], ...]:
    return tuple((loaded.vocabulary.text_of(token), logprob) for token, logprob in top)
