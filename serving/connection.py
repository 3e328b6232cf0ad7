"""The client's side of a request: its body within limits, its patience, its leaving."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.types import Receive, Scope, Send

from anabranch.serving.exchange import RawHeaders
from anabranch.serving.refused import Refused, unexpected


class ClientLeft(Exception):
    """The client closed the connection, or does not read what it asked for."""


@dataclass(frozen=True)
class Limits:
    """What a client may take.

    Args:
        body_bytes: of a request.
        body_s: until the body of a request is whole.
        send_s: until the client takes the next piece of an answer.
    """

    body_bytes: int = 32 * 2**20
    body_s: float = 60.0
    send_s: float = 120.0


def header_of(scope: Scope, name: bytes) -> str | None:
    """A request header by its name in lower case."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def whole_body(scope: Scope, receive: Receive, limits: Limits) -> bytes:
    """The body of a request.

    Raises:
        Refused: it is too large, or does not come.
        ClientLeft: the client leaves before it is whole.
    """
    declared = header_of(scope, b"content-length") or ""
    if declared.isdecimal() and int(declared) > limits.body_bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.body_s):
            return await _read(receive, limits)
    except TimeoutError:
        raise Refused(408, f"the body was not whole within {limits.body_s:g} s", code="timeout") from None


async def _read(receive: Receive, limits: Limits) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
        if size > limits.body_bytes:
            raise _too_large(limits)
    return b"".join(pieces)


def _too_large(limits: Limits) -> Refused:
    return Refused(413, f"the body is larger than {limits.body_bytes} bytes; raise max_body_mb", code="body_too_large")


async def while_there(work: Coroutine[Any, Any, None], receive: Receive) -> None:
    """Do the work; drop it as soon as the client leaves.

    Raises:
        ClientLeft: it did.
        Refused: the work was cancelled by something else.
    """
    doing, leaving = asyncio.create_task(work), asyncio.create_task(_left(receive))
    dropped = False
    try:
        await asyncio.wait((doing, leaving), return_when=asyncio.FIRST_COMPLETED)
        dropped = not doing.done()
    finally:
        leaving.cancel()
        doing.cancel()
        await asyncio.wait((doing,))
    if dropped:
        raise ClientLeft
    if doing.cancelled():
        raise unexpected()
    doing.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Outgoing:
    """An answer on its way.

    Args:
        send: of the server.
        limits: how long the client may take.
    """

    def __init__(self, send: Send, limits: Limits) -> None:
        self._send, self._limits = send, limits
        self.begun = False

    async def json(self, status: int, body: object, headers: RawHeaders) -> None:
        """A whole answer."""
        raw = orjson.dumps(body, default=dict)
        kind = [(b"content-type", b"application/json"), (b"content-length", str(len(raw)).encode())]
        await self.begin(status, [*kind, *headers])
        await self.piece(raw, last=True)

    async def begin(self, status: int, headers: RawHeaders) -> None:
        """Status and headers."""
        self.begun = True
        await self._within({"type": "http.response.start", "status": status, "headers": headers})

    async def piece(self, raw: bytes, *, last: bool = False) -> None:
        """Some bytes.

        Raises:
            ClientLeft: nobody reads them.
        """
        await self._within({"type": "http.response.body", "body": raw, "more_body": not last})

    async def _within(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._limits.send_s):
                await self._send(message)
        except TimeoutError:
            raise ClientLeft from None
