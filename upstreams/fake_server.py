"""An OpenAI-compatible server on loopback, over any upstream, that misbehaves on demand."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import aiohttp.web as web
import orjson

from anabranch.upstreams.chat_reply import chunk_bodies, reply_body
from anabranch.upstreams.chat_request import read_request
from anabranch.upstreams.error_body import error_body
from anabranch.upstreams.errors import (
    BadRequest,
    ContextTooLong,
    EmptyAnswer,
    RateLimited,
    TimedOut,
    Unauthorised,
    UnknownModel,
    UpstreamError,
)
from anabranch.upstreams.sse import event_bytes
from anabranch.upstreams.text_body import read_text_requests, text_reply_body
from anabranch.upstreams.text_completion import CompletesText
from anabranch.upstreams.upstream import Request, Upstream

STATUS: dict[type[UpstreamError], int] = {
    TimedOut: 504,
    RateLimited: 429,
    Unauthorised: 401,
    UnknownModel: 404,
    ContextTooLong: 413,
    BadRequest: 400,
}


@dataclass(frozen=True)
class Status:
    """Refuse with a status, an OpenAI error object and headers such as Retry-After."""

    status: int
    message: str = "refused"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Raw:
    """Answer 200 with these bytes instead."""

    body: bytes


@dataclass(frozen=True)
class Hang:
    """Never answer; with `events`, stop after so many pieces."""

    events: int = 0


@dataclass(frozen=True)
class Drip:
    """Send one byte at a time."""

    gap_s: float = 0.0


@dataclass(frozen=True)
class Truncate:
    """Stop after so many pieces: cleanly, as if that were all, or by breaking the connection."""

    events: int
    cleanly: bool = False


@dataclass(frozen=True)
class WrongUsage:
    """Claim this usage."""

    usage: Mapping[str, Any]


@dataclass(frozen=True)
class Reset:
    """Break the connection before the answer."""


Fault = Status | Raw | Hang | Drip | Truncate | WrongUsage | Reset


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]


class FakeServer:
    """POST /v1/chat/completions and /v1/completions on a free port, inside `async with`.

    Args:
        upstream: who answers, raw text as well if it can, unstreamed and one prompt at a time; stays open.
        faults: what goes wrong with the first request, the second, ...; None for nothing.

    Attributes:
        received: every request, in order.
        active: requests being answered.
        most_active: the largest that `active` has been.
        left: set once a client left before its answer was complete.
    """

    def __init__(self, upstream: Upstream, faults: Sequence[Fault | None] = ()) -> None:
        self._upstream, self._faults = upstream, tuple(faults)
        self.received: list[Received] = []
        self.active = self.most_active = 0
        self.left = asyncio.Event()
        self._ending = asyncio.Event()
        app = web.Application(client_max_size=2**30)
        app.router.add_post("/v1/chat/completions", self._answer)
        app.router.add_post("/v1/completions", self._answer)
        # cancellation tells the moment at which a client leaves
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0, access_log=None)
        self._port = 0

    @property
    def base_url(self) -> str:
        """What a client needs; known once the server runs."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> "FakeServer":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _answer(self, http: web.Request) -> web.StreamResponse:
        body = orjson.loads(await http.read())
        call = len(self.received)
        self.received.append(Received(body, dict(http.headers)))
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            return await self._faulty(http, body, self._faults[call] if call < len(self._faults) else None)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        finally:
            self.active -= 1

    async def _faulty(self, http: web.Request, body: Mapping[str, Any], fault: Fault | None) -> web.StreamResponse:
        if isinstance(fault, Status):
            return _error(fault.status, fault.message, fault.code, fault.headers)
        if isinstance(fault, Raw):
            return web.Response(body=fault.body, content_type="application/json")
        if isinstance(fault, Reset):
            _break(http)
            return web.Response()
        if fault == Hang():
            await self._ending.wait()
            return _error(503, "the server ends")
        async with aclosing(self._pieces(body, fault)) as pieces:
            try:
                first = await anext(pieces)
            except UpstreamError as error:
                return _refused(error)
            return await self._send(http, body, fault, first, pieces)

    async def _send(
        self,
        http: web.Request,
        body: Mapping[str, Any],
        fault: Fault | None,
        first: bytes,
        pieces: AsyncIterator[bytes],
    ) -> web.StreamResponse:
        kind = "text/event-stream" if body.get("stream") else "application/json"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(http)
        piece: bytes | None = first
        sent = 0
        while piece is not None:
            if isinstance(fault, Truncate | Hang) and sent == fault.events:
                await self._stop(http, fault)
                break
            await self._write(response, piece, fault)
            sent += 1
            piece = await anext(pieces, None)
        await response.write_eof()
        return response

    async def _stop(self, http: web.Request, fault: Truncate | Hang) -> None:
        if isinstance(fault, Hang):
            await self._ending.wait()
        elif not fault.cleanly:
            _break(http)

    async def _write(self, response: web.StreamResponse, piece: bytes, fault: Fault | None) -> None:
        if not isinstance(fault, Drip):
            await response.write(piece)
            return
        for at in range(len(piece)):
            await response.write(piece[at : at + 1])
            await asyncio.sleep(fault.gap_s)

    async def _pieces(self, body: Mapping[str, Any], fault: Fault | None) -> AsyncGenerator[bytes, None]:
        """The JSON body, or the events of the stream; an error after the first event is an event."""
        wrong = fault.usage if isinstance(fault, WrongUsage) else None
        if "prompt" in body:
            yield _json(await self._text_body(body), wrong)
            return
        request = read_request(body)
        if not body.get("stream"):
            yield _json(reply_body(await self._upstream.complete(request)), wrong)
            return
        begun = False
        try:
            async with aclosing(self._stream_bodies(request)) as bodies:
                async for piece in bodies:
                    yield event_bytes(_json(piece, wrong))
                    begun = True
        except UpstreamError as error:
            if not begun:
                raise
            yield event_bytes(orjson.dumps(error_body(str(error), code=_status(error))))
            return
        yield event_bytes(b"[DONE]")

    async def _text_body(self, body: Mapping[str, Any]) -> dict[str, Any]:
        request = read_text_requests(body)[0]
        if not isinstance(self._upstream, CompletesText):
            raise BadRequest(self._upstream.name, "answers chats only")
        return text_reply_body([await self._upstream.complete_text(request)], {"model": request.model})

    async def _stream_bodies(self, request: Request) -> AsyncGenerator[dict[str, Any], None]:
        async for chunk in self._upstream.stream(request):
            for body in chunk_bodies(request.model, chunk):
                yield body


def _json(body: dict[str, Any], wrong: Mapping[str, Any] | None) -> bytes:
    return orjson.dumps({**body, "usage": wrong} if wrong is not None and "usage" in body else body)


def _break(http: web.Request) -> None:
    if http.transport is not None:
        http.transport.close()


def _status(error: UpstreamError) -> int:
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 503)


def _refused(error: UpstreamError) -> web.Response:
    wait = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
    code = error.code if isinstance(error, EmptyAnswer) else None
    return _error(error.status or _status(error), str(error), code, wait)


def _error(
    status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
) -> web.Response:
    body = orjson.dumps(error_body(message, code=code))
    return web.Response(status=status, body=body, content_type="application/json", headers=headers)
