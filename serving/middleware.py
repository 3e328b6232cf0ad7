"""Around every request: who may ask, and a line in the log."""

import hmac
import logging
from time import perf_counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from anabranch.serving.catalogue import json_response
from anabranch.serving.connection import header_of
from anabranch.serving.refused import Refused

LOG = logging.getLogger("anabranch.serving.requests")
CLIENT_LEFT = 499  # as nginx calls it
MOST_PATH = 100


class RequireKey:
    """Lets requests below /v1 through only with the right bearer token.

    Args:
        app: what is guarded.
        key: the token.
    """

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app, self._expected = app, f"Bearer {key}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on."""
        if scope["type"] != "http" or not scope["path"].startswith("/v1/") or self._knows(scope):
            await self._app(scope, receive, send)
            return
        refused = Refused(401, "wrong or missing API key; send it as a bearer token", code="invalid_api_key")
        await json_response(refused.body, refused.status)(scope, receive, send)

    def _knows(self, scope: Scope) -> bool:
        given = (header_of(scope, b"authorization") or "").encode("latin-1")
        return hmac.compare_digest(given, self._expected)


class RequestLog:
    """One line a request at INFO: method, path, status, model, milliseconds, decision; never content.

    Args:
        app: what is watched.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, then write the line."""
        if scope["type"] != "http" or not LOG.isEnabledFor(logging.INFO):
            await self._app(scope, receive, send)
            return
        status, started = CLIENT_LEFT, perf_counter()

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            _write(scope, status, perf_counter() - started)


def _write(scope: Scope, status: int, seconds: float) -> None:
    # as it came, so that line ends stay percent-encoded
    path = scope["raw_path"].decode("latin-1")[:MOST_PATH]
    exchange = scope.get("exchange")
    model, decision = (exchange.model, exchange.decision_id) if exchange else ("", "")
    LOG.info("%s %s %d %s %.1f ms %s", scope["method"], path, status, model or "-", 1000 * seconds, decision or "-")
