"""How strategies ask models: by name, and with everything written down."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from typing import Generic

from anabranch.serving.dialect import C, Dialect, Q, R
from anabranch.serving.refused import Refused
from anabranch.serving.strategies.bounds import UNBOUNDED, Bounds
from anabranch.serving.strategies.record import Call, Record, Waiting
from anabranch.upstreams.errors import BadReply, EmptyAnswer, UpstreamError
from anabranch.upstreams.pool import PoolModel, Served
from anabranch.upstreams.upstream import Capabilities, Usage

Price = Callable[[str, Usage], float | None]
"""USD of real usage of a model of the pool; None if its price is not known."""


class Calls(Generic[Q, R, C]):
    """The models that may be asked on behalf of one prompt.

    A strategy may call several, one after another or at once, each with the request as it came or with one of its own.

    Args:
        request: as the client sent it; its model is what the client asked for.
        dialect: how to ask.
        served: the models by name.
        price: what usage costs.
        record: where calls and decisions are written down.
        waiting: counts the time in upstreams.
        tradeoff: the client's wish, 0 = cheapest, 1 = best; None for the default.
    """

    def __init__(
        self,
        request: Q,
        dialect: Dialect[Q, R, C],
        served: Mapping[str, Served],
        price: Price,
        record: Record,
        waiting: Waiting,
        tradeoff: float | None = None,
    ) -> None:
        self.request, self.record, self.tradeoff = request, record, tradeoff
        self._dialect, self._served, self._price, self._waiting = dialect, served, price, waiting

    def routing_text(self) -> str:
        """What a router reads; takes time with long prompts.

        Raises:
            Refused: there is no text to route on.
        """
        return self._dialect.routing_text(self.request)

    def obstacle(self, model: str) -> str | None:
        """Why a model cannot serve this request, as a sentence; None if it can."""
        why = self._dialect.obstacle(self.request, self._served[model].upstream)
        return None if why is None else f"model {model!r} {why}"

    def decided(self, model: str, reason: str, expected_cost_usd: float | None = None) -> None:
        """Write down who answers and why; before the first byte of a stream, so that headers can say it."""
        self.record.model, self.record.reason = model, reason
        self.record.expected_cost_usd = expected_cost_usd

    async def complete(self, model: str, request: Q | None = None, bounds: Bounds = UNBOUNDED) -> R:
        """The whole answer of a model.

        Raises:
            Refused: it cannot serve this request.
            UpstreamError: it fails.
        """
        _, reply = await self.attempt(model, request, bounds)
        if isinstance(reply, UpstreamError):
            raise reply
        return reply

    async def attempt(
        self, model: str, request: Q | None = None, bounds: Bounds = UNBOUNDED
    ) -> tuple[Call, R | UpstreamError]:
        """What was written down of a call, and the whole answer or why there is none.

        Raises:
            Refused: the model cannot serve this request.
        """
        call, asked = self._begin(model, request, bounds)
        upstream = self._served[model].upstream
        try:
            with self._waiting.one():
                async with bounds.time(upstream.name):
                    reply = await self._dialect.complete(upstream, asked)
        except UpstreamError as error:
            self._fail(call, error)
            return call, error
        except asyncio.CancelledError:
            call.cancelled()
            raise
        call.resolved_model, call.attempts = reply.model, reply.attempts
        self._count(call, reply.usage)
        return call, reply

    async def stream(self, model: str, request: Q | None = None, bounds: Bounds = UNBOUNDED) -> AsyncGenerator[C, None]:
        """The answer of a model in pieces; closing it cancels the call.

        Raises:
            Refused: it cannot serve this request.
            UpstreamError: it fails, or ends without a finish reason.
        """
        call, asked = self._begin(model, request, bounds)
        upstream = self._served[model].upstream
        finished = False
        try:
            async with aclosing(self._dialect.stream(upstream, asked)) as chunks:
                while (chunk := await self._next(chunks, bounds.time(upstream.name))) is not None:
                    finished = finished or chunk.finish_reason is not None
                    call.resolved_model = self._dialect.resolved_model(chunk) or call.resolved_model
                    self._count(call, chunk.usage)
                    yield chunk
            if not finished:
                raise BadReply(upstream.name, "ended a stream without a finish reason")
        except UpstreamError as error:
            self._fail(call, error)
            raise
        except (asyncio.CancelledError, GeneratorExit):
            if not finished:
                call.cancelled()
            raise

    def chunks(self, reply: R) -> Sequence[C]:
        """A whole answer in pieces, for clients that want a stream."""
        return self._dialect.chunks(reply)

    def capabilities(self, model: str) -> Capabilities:
        """What a model can do, as far as is known."""
        return self._served[model].upstream.capabilities

    async def _next(self, chunks: AsyncGenerator[C, None], time: AbstractAsyncContextManager[None]) -> C | None:
        with self._waiting.one():
            async with time:
                return await anext(chunks, None)

    def _begin(self, model: str, request: Q | None, bounds: Bounds) -> tuple[Call, Q]:
        why = self.obstacle(model)
        if why is not None:
            raise Refused(400, why, param="model")
        named = self._served[model].model
        call = Call(model, named.served_as)
        self.record.calls.append(call)
        return call, bounds.capped(_addressed(self.request if request is None else request, named))

    def _fail(self, call: Call, error: UpstreamError) -> None:
        if isinstance(error, EmptyAnswer):
            self._count(call, error.usage)
        call.failed(error)

    def _count(self, call: Call, usage: Usage | None) -> None:
        if usage is not None:
            call.usage, call.cost_usd = usage, self._price(call.model, usage)


def _addressed(request: Q, model: PoolModel) -> Q:
    """The request under the model's name at its upstream, and no longer than the pool lets it be by default."""
    limited = request.max_tokens is not None or "max_completion_tokens" in request.extra
    return replace(request, model=model.served_as, max_tokens=request.max_tokens if limited else model.max_tokens)
