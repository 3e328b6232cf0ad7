"""GET /v1/models and /health: what there is to ask for, and whether the server lives."""

import time
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from anabranch import __version__
from anabranch.serving.gateway import Gateway


class Catalogue:
    """What a gateway serves, as clients list it.

    Args:
        gateway: what is served.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._created = int(time.time())

    async def models(self, request: Request) -> Response:
        """The names that a request's `model` may be."""
        return json_response({"object": "list", "data": [self._model(name) for name in self._gateway.strategies]})

    async def model(self, request: Request) -> Response:
        """One of them.

        Raises:
            Refused: nothing goes by that name.
        """
        name = request.path_params["name"]
        self._gateway.strategy(name)
        return json_response(self._model(name))

    async def health(self, request: Request) -> Response:
        """Alive, and serving this."""
        body = {
            "status": "ok",
            "version": __version__,
            "bundle": self._gateway.bundle or None,
            "models": list(self._gateway.strategies),
        }
        return json_response(body)

    def _model(self, name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": self._created, "owned_by": "anabranch"}


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A whole answer."""
    return Response(orjson.dumps(body), status, headers, "application/json")
