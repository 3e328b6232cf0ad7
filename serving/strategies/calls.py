"""How strategies ask models: by name, and with everything written down."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Generic

from anabranch.serving.dialect import C, Dialect, Q, R
from anabranch.serving.refused import Refused
from anabranch.serving.strategies.record import Call, Record, Waiting
from anabranch.upstreams.errors import BadReply, UpstreamError
from anabranch.upstreams.pool import PoolModel, Served
from anabranch.upstreams.upstream import Usage

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

    async def complete(self, model: str, request: Q | None = None) -> R:
        """The whole answer of a model.

        Raises:
            Refused: it cannot serve this request.
            UpstreamError: it fails.
        """
        call, asked = self._begin(model, request)
        try:
            with self._waiting.one():
                reply = await self._dialect.complete(self._served[model].upstream, asked)
        except UpstreamError as error:
            call.failed(error)
            raise
        call.resolved_model, call.attempts = reply.model, reply.attempts
        self._count(call, reply.usage)
        return reply

    async def stream(self, model: str, request: Q | None = None) -> AsyncGenerator[C, None]:
        """The answer of a model in pieces; closing it cancels the call.

        Raises:
            Refused: it cannot serve this request.
            UpstreamError: it fails, or ends without a finish reason.
        """
        call, asked = self._begin(model, request)
        upstream = self._served[model].upstream
        finished = False
        try:
            async with aclosing(self._dialect.stream(upstream, asked)) as chunks:
                while (chunk := await self._next(chunks)) is not None:
                    finished = finished or chunk.finish_reason is not None
                    call.resolved_model = self._dialect.resolved_model(chunk) or call.resolved_model
                    self._count(call, chunk.usage)
                    yield chunk
            if not finished:
                raise BadReply(upstream.name, "ended a stream without a finish reason")
        except UpstreamError as error:
            call.failed(error)
            raise

    async def _next(self, chunks: AsyncGenerator[C, None]) -> C | None:
        with self._waiting.one():
            return await anext(chunks, None)

    def _begin(self, model: str, request: Q | None) -> tuple[Call, Q]:
        why = self.obstacle(model)
        if why is not None:
            raise Refused(400, why, param="model")
        named = self._served[model].model
        call = Call(model, named.served_as)
        self.record.calls.append(call)
        return call, _addressed(self.request if request is None else request, named)

    def _count(self, call: Call, usage: Usage | None) -> None:
        if usage is not None:
            call.usage, call.cost_usd = usage, self._price(call.model, usage)


def _addressed(request: Q, model: PoolModel) -> Q:
    """The request under the model's name at its upstream, and no longer than the pool lets it be by default."""
    limited = request.max_tokens is not None or "max_completion_tokens" in request.extra
    return replace(request, model=model.served_as, max_tokens=request.max_tokens if limited else model.max_tokens)
