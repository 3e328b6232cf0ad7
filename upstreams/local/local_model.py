"""A causal language model of transformers on this machine, as an upstream."""

import time
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.upstreams.chat_reply import chunk_bodies, reply_body
from anabranch.upstreams.errors import EmptyAnswer, UnknownModel, UpstreamError
from anabranch.upstreams.local.completion import Order
from anabranch.upstreams.local.errors import NotLoaded
from anabranch.upstreams.local.model_folder import check_folder, is_on_hub, window_of
from anabranch.upstreams.local.pieces import End, Piece, joined
from anabranch.upstreams.local.worker import Worker
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Capabilities, Chunk, Reply, Request, TokenLogprob, Usage

if TYPE_CHECKING:  # torch is imported by the worker's thread, when the model is first needed
    from anabranch.upstreams.local.loading import Loaded

CAPABILITIES = Capabilities(
    tools=False, vision=False, json_mode=False, several=False, logprobs=True, prompt_logprobs=True
)
DTYPES = ("auto", "float32", "bfloat16", "float16")


class LocalModel:
    """A model in a folder, which answers many requests at once; usable from any event loop.

    Weights are loaded with the first call, or by `start`. Calls are served in the order they come, up to `max_batch`
    at once, each as if it were alone: in float32, a call's greedy tokens and its draws for a seed do not depend on the
    others; half precision rounds differently in batches of different sizes. A model whose cache is not one of plain
    keys and values (sliding windows, recurrent states), or which takes no positions, serves one call at a time.

    Without a temperature, tokens are chosen greedily, as at temperature 0. Without max_tokens a completion has at most
    256. `usage` counts the tokens that were computed, which is what a call costs: the end-of-text token is one of them,
    and so are those that a stop string cut off. A chat answer that ends at once is an error, `EmptyAnswer`; a
    continuation of text may be empty.

    Args:
        name: for logs and errors, and a name of the model.
        folder: what `save_pretrained` wrote, weights in safetensors; or the id of a model on the Hugging Face hub.
        models: other names that requests may call the model.
        device: such as cpu or cuda:1; auto for a GPU if there is one.
        dtype: float32, bfloat16 or float16; auto for what the weights were saved as.
        max_batch: calls served at once.
        context_window: prompt and completion tokens together; None for what the model's config says.
        threads: of the operations on a CPU; None for 1 if the model has fewer than 50 million parameters, or else for
            what torch chooses.
        prefill_tokens: of prompts, that are read between two steps of the calls that are being served.

    Raises:
        ValueError: a folder that holds no model, or a setting that cannot work.
    """

    def __init__(
        self,
        name: str,
        folder: str | Path,
        *,
        models: Collection[str] = (),
        device: str = "auto",
        dtype: str = "float32",
        max_batch: int = 32,
        context_window: int | None = None,
        threads: int | None = None,
        prefill_tokens: int = 512,
    ) -> None:
        _check_settings(dtype, max_batch=max_batch, threads=threads, prefill_tokens=prefill_tokens)
        self._name, self._folder, self._models = name, folder, frozenset((name, *models))
        self._window = _window(folder, context_window)
        load = partial(
            _load,
            name,
            folder,
            device=device,
            dtype=dtype,
            max_batch=max_batch,
            context_window=self._window,
            threads=threads,
            prefill_tokens=prefill_tokens,
        )
        self._worker: Worker[Loaded] = Worker(name, load)

    def __repr__(self) -> str:
        return f"LocalModel({self._name!r}, {str(self._folder)!r})"

    @property
    def name(self) -> str:
        """What logs and errors call it."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return replace(CAPABILITIES, context_window=self._window)

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
        self._refuse_empty(order, whole.text, end)
        return Reply(
            text=whole.text,
            model=request.model,
            finish_reason=end.finish_reason,
            usage=_usage(order, end),
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
                    self._refuse_empty(order, text, piece.end)
                yield _chunk(request.model, order, piece, _logprobs(loaded, piece))

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
            usage=_usage(order, end),
            latency_s=time.monotonic() - began_s,
            tokens=_tokens(loaded, whole),
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
                tokens = _tokens(loaded, piece)
                if piece.end is None:
                    yield TextChunk(piece.text, tokens=tokens)
                else:
                    yield TextChunk(piece.text, piece.end.finish_reason, _usage(order, piece.end), tokens)

    async def close(self) -> None:
        """End the thread and let go of the weights; calls in flight end with `Closed`."""
        await self._worker.close()

    async def _ready(self, model: str) -> "Loaded":
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

    async def _pieces(self, loaded: "Loaded", order: Order) -> AsyncGenerator[Piece, None]:
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

    async def _whole(self, loaded: "Loaded", order: Order) -> tuple[Piece, End]:
        async with aclosing(self._pieces(loaded, order)) as pieces:
            whole = joined([piece async for piece in pieces])
        assert whole.end is not None
        return whole, whole.end

    def _refuse_empty(self, order: Order, text: str, end: End) -> None:
        if not text and end.finish_reason == "stop":
            raise EmptyAnswer(self._name, usage=_usage(order, end))


def _check_settings(dtype: str, **at_least_one: int | None) -> None:
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; it must be one of {', '.join(DTYPES)}")
    for setting, value in at_least_one.items():
        if value is not None and value < 1:
            raise ValueError(f"{setting} is {value}; it must be at least 1")


def _window(folder: str | Path, wanted: int | None) -> int | None:
    """The context window: what is wanted, within what the model allows; None if that is not known yet."""
    if is_on_hub(folder):
        return wanted
    check_folder(folder)
    allowed = window_of(folder)
    if wanted is not None and not 1 <= wanted <= (allowed or wanted):
        raise ValueError(f"context_window is {wanted}; {folder} allows 1 to {allowed or 'any number'}")
    return wanted or allowed


def _load(name: str, folder: str | Path, **settings: object) -> "Loaded":
    try:
        from anabranch.upstreams.local.loading import load
    except ImportError as error:
        raise ValueError(
            f"local model {name!r} needs torch and transformers: pip install 'anabranch[train]'"
        ) from error
    return load(name, folder, **settings)  # type: ignore[arg-type]


def _usage(order: Order, end: End) -> Usage:
    return Usage(order.prompt_tokens, end.completion_tokens)


def _chunk(model: str, order: Order, piece: Piece, logprobs: tuple[TokenLogprob, ...]) -> Chunk:
    """The chunk of a piece; log-probabilities, for which it has no field, are in its body."""
    finish_reason = piece.end.finish_reason if piece.end else None
    chunk = Chunk(piece.text, finish_reason, _usage(order, piece.end) if piece.end else None)
    if not logprobs:
        return chunk
    body = chunk_bodies(model, replace(chunk, usage=None))[0]
    with_logprobs = reply_body(Reply("", model, "", None, 0.0, logprobs))
    body["choices"][0]["logprobs"] = with_logprobs["choices"][0]["logprobs"]
    return replace(chunk, body=body)


def _logprobs(loaded: "Loaded", piece: Piece) -> tuple[TokenLogprob, ...]:
    text_of = loaded.vocabulary.text_of
    return tuple(
        TokenLogprob(text_of(token.scored.token), token.scored.logprob or 0.0, _named(loaded, token.scored.top))
        for token in piece.tokens
    )


def _tokens(loaded: "Loaded", piece: Piece) -> tuple[TextToken, ...]:
    return tuple(
        TextToken(token.text, token.scored.logprob, _named(loaded, token.scored.top)) for token in piece.tokens
    )


def _named(loaded: "Loaded", top: tuple[tuple[int, float], ...]) -> tuple[tuple[str, float], ...]:
    return tuple((loaded.vocabulary.text_of(token), logprob) for token, logprob in top)
