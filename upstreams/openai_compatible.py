"""A client of whatever speaks the OpenAI chat completions protocol over HTTP."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiolimiter import AsyncLimiter

from anabranch.upstreams.chat_reply import has_content, read_reply, read_stream
from anabranch.upstreams.chat_request import request_body, request_bytes
from anabranch.upstreams.errors import BadReply, BadRequest, Closed, TimedOut, Unreachable, UpstreamError
from anabranch.upstreams.refusal import Asked, refusal
from anabranch.upstreams.retry import Attempts, Backoff, retry_after_s
from anabranch.upstreams.sse import EventParser
from anabranch.upstreams.text_body import read_text_reply, text_request_body
from anabranch.upstreams.text_completion import TextReply, TextRequest
from anabranch.upstreams.upstream import Capabilities, Chunk, Reply, Request

CHATS, TEXTS = "/chat/completions", "/completions"
Sent = TypeVar("Sent", Request, TextRequest)
Answer = TypeVar("Answer")


class _Post(NamedTuple):
    """What is sent: a request, the path below `base_url`, and the body."""

    request: Asked
    path: str
    body: bytes


class OpenAICompatible:
    """An upstream behind `base_url`; used and closed in one event loop.

    A call holds one of `concurrency` slots until it is over, waits between retries included, so that an upstream that
    refuses is asked less.

    Args:
        name: for logs and errors.
        base_url: such as https://api.openai.com/v1; without credentials.
        api_key: sent as a bearer token; None for none.
        capabilities: for the router's mask.
        concurrency: calls at once.
        requests_per_minute: evenly spaced, retries included; None for no limit.
        connect_timeout_s: DNS, TCP and TLS.
        read_timeout_s: between two bytes.
        total_timeout_s: of a call from its first request to its last byte, retries included.
        attempts: requests a call, the first included.
        sleep: waits between retries.
        clock: seconds, for timeouts and latency.
        seed: of the jitter between retries; None differs from process to process.

    Raises:
        ValueError: an address, a key or a limit that cannot work.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        api_key: str | None = None,
        capabilities: Capabilities = Capabilities(),  # noqa: B008 - frozen
        concurrency: int = 64,
        requests_per_minute: float | None = None,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 120.0,
        total_timeout_s: float = 600.0,
        attempts: int = 4,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        seed: int | None = None,
    ) -> None:
        _check_positive(
            concurrency=concurrency,
            requests_per_minute=1.0 if requests_per_minute is None else requests_per_minute,
            connect_timeout_s=connect_timeout_s,
            read_timeout_s=read_timeout_s,
            total_timeout_s=total_timeout_s,
        )
        self._name, self._capabilities = name, capabilities
        self._address = _address(base_url)
        self._base_url = base_url.rstrip("/")
        self._api_key = _checked_key(api_key)
        self._connect_timeout_s, self._read_timeout_s = connect_timeout_s, read_timeout_s
        self._backoff, self._total_timeout_s = Backoff(attempts), total_timeout_s
        self._sleep, self._clock, self._rng = sleep, clock, random.Random(seed)
        self._slots = asyncio.Semaphore(concurrency)
        # one request an interval: a bucket of a whole minute would let twice the limit through in the first
        self._pace = None if requests_per_minute is None else AsyncLimiter(1, 60 / requests_per_minute)
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def __repr__(self) -> str:
        return f"OpenAICompatible({self._name!r}, {self._address!r})"

    @property
    def name(self) -> str:
        """What logs and errors call it."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        return self._capabilities

    async def complete(self, request: Request) -> Reply:
        """The whole answer, asked for again after errors that may pass.

        Raises:
            UpstreamError: the last error, once it is not retryable or attempts or time are used up.
        """
        return await self._whole(request, CHATS, request_body(request), read_reply)

    async def complete_text(self, request: TextRequest) -> TextReply:
        """The whole continuation of a text, as `complete`; for servers of raw text, which not all are.

        Raises:
            UpstreamError: as `complete`.
        """
        return await self._whole(request, TEXTS, text_request_body(request), read_text_reply)

    async def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """The answer in pieces; asked for again only while nothing of it has been handed out.

        Closing the generator (`contextlib.aclosing`) cancels the HTTP request.

        Raises:
            UpstreamError: as `complete`, and after the first content at once.
        """
        post = self._post(request, CHATS, request_body(request, stream=True))
        async with self._slots:
            attempts = self._attempts()
            while True:
                held: list[Chunk] | None = []
                budget_s = await self._begin(attempts)
                try:
                    async with aclosing(self._stream_once(post, budget_s, attempts)) as chunks:
                        async for chunk in chunks:
                            if held is not None and not has_content(chunk):
                                held.append(chunk)
                                continue
                            for early in held or ():
                                yield early
                            held = None
                            yield chunk
                    return
                except UpstreamError as error:
                    failure = error
                if held is None:
                    raise attempts.failed(failure)
                await attempts.wait(failure)

    async def close(self) -> None:
        """Close the connections for good; calls in flight end with `Unreachable`."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _attempts(self) -> Attempts:
        return Attempts(self._backoff, self._total_timeout_s, self._clock, self._sleep, self._rng)

    async def _begin(self, attempts: Attempts) -> float:
        if self._pace is not None:
            await self._pace.acquire()
        if self._closed:
            raise attempts.failed(Closed(self._name, "was closed"))
        return attempts.begin()

    def _post(self, request: Asked, path: str, fields: Mapping[str, Any]) -> _Post:
        try:
            return _Post(request, path, request_bytes(fields))
        except TypeError:
            pass  # raised below, so that what orjson says does not travel along
        raise BadRequest(self._name, f"was not asked: a field of the request to {request.model!r} is not JSON")

    async def _whole(
        self,
        request: Sent,
        path: str,
        fields: Mapping[str, Any],
        read: Callable[[str, Sent, Mapping[str, Any], float, int], Answer],
    ) -> Answer:
        post = self._post(request, path, fields)
        async with self._slots:
            attempts = self._attempts()
            while True:
                budget_s = await self._begin(attempts)
                try:
                    answer = await self._answer(post, budget_s, attempts)
                    return read(self._name, request, answer, attempts.elapsed_s(), attempts.sent)
                except UpstreamError as error:
                    failure = error
                await attempts.wait(failure)

    async def _answer(self, post: _Post, budget_s: float, attempts: Attempts) -> dict[str, Any]:
        async with aclosing(self._receive(post, budget_s, attempts)) as pieces:
            raw = b"".join([piece async for piece in pieces])
        return self._object(post.request, raw)

    def _stream_once(self, post: _Post, budget_s: float, attempts: Attempts) -> AsyncGenerator[Chunk, None]:
        return read_stream(self._name, self._events(post, budget_s, attempts))

    async def _events(
        self, post: _Post, budget_s: float, attempts: Attempts
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        parser = EventParser()
        async with aclosing(self._receive(post, budget_s, attempts)) as pieces:
            async for piece in pieces:
                for event in parser.feed(piece):
                    if event.data == b"[DONE]":
                        return
                    yield self._object(post.request, event.data)

    async def _receive(self, post: _Post, budget_s: float, attempts: Attempts) -> AsyncGenerator[bytes, None]:
        """The bytes of a successful answer as they come.

        Failures are raised outside the except clauses: aiohttp's errors hold the request's headers, and with them the
        key, and would travel along as the context.
        """
        failure: UpstreamError
        begun = False
        timeout = aiohttp.ClientTimeout(total=budget_s, connect=self._connect_timeout_s, sock_read=self._read_timeout_s)
        try:
            # a file, since aiohttp warns of large bytes
            url, file = self._base_url + post.path, BytesIO(post.body)
            async with self._opened().post(url, data=file, timeout=timeout, allow_redirects=False) as response:
                if response.status == 200:
                    async for piece in response.content.iter_any():
                        begun = True
                        yield piece
                    return
                failure = self._refusal(post.request, response, await response.read())
        except TimeoutError as error:
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                attempts.unconnected()
            failure = TimedOut(self._name, f"({self._address}) did not answer in time")
        except aiohttp.ClientPayloadError:
            failure = BadReply(self._name, "broke off its answer")
        except aiohttp.ClientConnectorError:
            attempts.unconnected()
            failure = Unreachable(self._name, f"({self._address}) cannot be reached")
        except aiohttp.ClientConnectionError:
            cut = BadReply(self._name, "broke off its answer")
            failure = cut if begun else Unreachable(self._name, f"({self._address}) cannot be reached")
        except aiohttp.ClientError:
            failure = BadReply(self._name, "sent what is not HTTP")
        except RuntimeError:
            # what aiohttp says to whoever reads on after the session was closed
            if not self._closed:
                raise
            failure = Closed(self._name, "was closed")
        raise Closed(self._name, "was closed") if self._closed else failure

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            headers = {"Content-Type": "application/json"}
            if self._api_key is not None:
                headers["Authorization"] = f"Bearer {self._api_key}"
            self._session = aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=0),  # the slots are the limit
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session

    def _object(self, request: Asked, raw: bytes) -> dict[str, Any]:
        value = _json(raw)
        if not isinstance(value, dict):
            raise BadReply(self._name, "sent what is not a JSON object")
        error = value.get("error")
        if error:
            fields = error if isinstance(error, dict) else {"message": error}
            # some services answer 200 and give the status as the error's code
            code = fields.get("code")
            raise refusal(self._name, request, self._api_key, code if type(code) is int else 200, fields)
        return value

    def _refusal(self, request: Asked, response: aiohttp.ClientResponse, raw: bytes) -> UpstreamError:
        value = _json(raw)
        error = value.get("error", value) if isinstance(value, dict) else None
        fields = error if isinstance(error, dict) else {"message": error}
        wait_s = retry_after_s(response.headers, datetime.now(UTC))
        return refusal(self._name, request, self._api_key, response.status, fields, wait_s)


def _json(raw: bytes) -> object:
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return value


def _check_positive(**limits: float) -> None:
    for name, value in limits.items():
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be greater than 0")


def _address(base_url: str) -> str:
    parts = urlsplit(base_url)
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url holds credentials; leave them out and give api_key")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"base_url is {base_url!r}; it must look like https://host/v1")
    return parts.netloc


def _checked_key(api_key: str | None) -> str | None:
    plain = api_key is None or (api_key.isascii() and api_key.isprintable() and " " not in api_key and api_key)
    if not plain:
        raise ValueError("api_key is empty or has blanks, line ends or characters beyond ASCII; give None for no key")
    return api_key
