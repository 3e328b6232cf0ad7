"""From HTTP to a strategy and back: one request read, served, and answered whole or in pieces."""

import asyncio
import logging
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Generic

import orjson
from starlette.types import Receive, Scope, Send

from anabranch.serving.connection import ClientLeft, Limits, Outgoing, header_of, while_there, whole_body
from anabranch.serving.dialect import C, Dialect, Head, Q, R
from anabranch.serving.exchange import Exchange, RawHeaders, header
from anabranch.serving.fields import checked, read_object
from anabranch.serving.gateway import Gateway
from anabranch.serving.overrides import tradeoff_of
from anabranch.serving.prompts import answers, pieces_of
from anabranch.serving.refused import Refused, refused_by, stopping, unexpected
from anabranch.serving.strategies.calls import Calls
from anabranch.serving.strategies.record import Record
from anabranch.serving.strategies.strategy import Strategy
from anabranch.upstreams.errors import UpstreamError
from anabranch.upstreams.sse import event_bytes

LOG = logging.getLogger(__name__)
EVENT_STREAM: RawHeaders = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # else nginx holds pieces back
]


@dataclass(frozen=True)
class Asked(Generic[Q, R, C]):
    """A request that was read.

    Args:
        strategy: what it gets.
        prompts: the calls on behalf of each.
        stream: whether the answer is wanted in pieces.
        include_usage: whether the pieces end with the usage.
    """

    strategy: Strategy
    prompts: Sequence[Calls[Q, R, C]]
    stream: bool
    include_usage: bool


class Endpoint(Generic[Q, R, C]):
    """An ASGI app for one path.

    Args:
        gateway: what is served.
        dialect: how clients speak here.
        limits: what they may take.
    """

    def __init__(self, gateway: Gateway, dialect: Dialect[Q, R, C], limits: Limits) -> None:
        self._gateway, self._dialect, self._limits = gateway, dialect, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that leaves cancels all that is done for it."""
        exchange = scope["exchange"] = Exchange(self._gateway.bundle)
        out = Outgoing(send, self._limits)
        with suppress(ClientLeft):
            try:
                raw = await whole_body(scope, receive, self._limits)
                await while_there(self._respond(scope, raw, exchange, out), receive)
            except Refused as refused:
                await _refuse(refused, exchange, out)
            except asyncio.CancelledError:
                # only a server that ends cancels what it serves
                await _refuse(stopping(), exchange, out)

    async def _respond(self, scope: Scope, raw: bytes, exchange: Exchange, out: Outgoing) -> None:
        try:
            asked = self._read(scope, raw, exchange)
            await (self._stream if asked.stream else self._complete)(asked, exchange, out)
        except ClientLeft:
            raise
        except Exception as error:
            await _refuse(_as_refused(error, exchange), exchange, out)

    def _read(self, scope: Scope, raw: bytes, exchange: Exchange) -> Asked[Q, R, C]:
        body = read_object(raw)
        tradeoff = tradeoff_of(body.pop("anabranch", None), header_of(scope, b"x-anabranch-tradeoff"))
        body = checked(body, self._dialect.rules, self._dialect.required)
        strategy = self._gateway.strategy(body["model"])
        requests = self._dialect.requests(body)
        exchange.records = [Record(strategy.name) for _ in requests]
        return Asked(
            strategy=strategy,
            prompts=[
                self._calls(request, record, exchange, tradeoff)
                for request, record in zip(requests, exchange.records, strict=True)
            ],
            stream=body.get("stream", False),
            include_usage=bool(body.get("stream_options", {}).get("include_usage")),
        )

    def _calls(self, request: Q, record: Record, exchange: Exchange, tradeoff: float | None) -> Calls[Q, R, C]:
        gateway = self._gateway
        return Calls(request, self._dialect, gateway.served, gateway.price, record, exchange.waiting, tradeoff)

    async def _complete(self, asked: Asked[Q, R, C], exchange: Exchange, out: Outgoing) -> None:
        replies = await answers(asked.strategy, asked.prompts)
        await out.json(200, self._dialect.body(replies, self._head(exchange)), exchange.headers())

    async def _stream(self, asked: Asked[Q, R, C], exchange: Exchange, out: Outgoing) -> None:
        async with aclosing(pieces_of(asked.strategy, asked.prompts)) as pieces:
            # the first piece decides between an error's status and a stream
            index, chunk = await anext(pieces)
            writer = self._dialect.writer(self._head(exchange))
            await out.begin(200, [*EVENT_STREAM, *exchange.headers(streamed=True)])
            await out.piece(_events(writer.bodies(chunk, index)))
            async for index, chunk in pieces:
                await out.piece(_events(writer.bodies(chunk, index)))
        if asked.include_usage:
            await out.piece(_events([writer.usage_body(exchange.usage, exchange.fields())]))
        await out.piece(event_bytes(b"[DONE]"), last=True)

    def _head(self, exchange: Exchange) -> Head:
        return Head(f"{self._dialect.id_prefix}-{exchange.decision_id}", int(time.time()), exchange.resolved_model)


def _events(bodies: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join(event_bytes(orjson.dumps(body, default=dict)) for body in bodies)


def _as_refused(error: Exception, exchange: Exchange) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, UpstreamError):
        return refused_by(error)
    # the frames alone: what the error says may quote a prompt
    frames = "".join(traceback.format_tb(error.__traceback__))
    LOG.error("decision %s failed with %s\n%s", exchange.decision_id, type(error).__name__, frames)
    return unexpected()


async def _refuse(refused: Refused, exchange: Exchange, out: Outgoing) -> None:
    if out.begun:
        # a stream that broke ends without [DONE], so that nobody takes it for whole
        await out.piece(event_bytes(orjson.dumps(refused.body)), last=True)
        return
    wait = [header(name, value) for name, value in refused.headers.items()]
    await out.json(refused.status, refused.body, [*wait, *exchange.headers()])
