"""The gateway as a Starlette app: routes, errors, and what stands around every request."""

from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from anabranch.serving.catalogue import Catalogue, json_response
from anabranch.serving.chat import Chat
from anabranch.serving.completions import Completions
from anabranch.serving.connection import Limits
from anabranch.serving.endpoint import Endpoint
from anabranch.serving.gateway import Gateway
from anabranch.serving.middleware import RequestLog, RequireKey
from anabranch.serving.refused import Refused


def create_app(gateway: Gateway, limits: Limits = Limits(), key: str | None = None) -> Starlette:  # noqa: B008 - frozen
    """The app that serves a gateway; it opens and closes nothing.

    Args:
        gateway: what is served.
        limits: what a client may take.
        key: the bearer token that clients must send below /v1; None for none.
    """
    catalogue = Catalogue(gateway)
    routes = [
        Route("/v1/chat/completions", Endpoint(gateway, Chat(), limits), methods=["POST"]),
        Route("/v1/completions", Endpoint(gateway, Completions(), limits), methods=["POST"]),
        Route("/v1/models", catalogue.models),
        Route("/v1/models/{name:path}", catalogue.model),
        Route("/health", catalogue.health),
    ]
    guards = [] if key is None else [Middleware(RequireKey, key=key)]
    return Starlette(
        routes=routes,
        middleware=[Middleware(RequestLog), *guards],
        exception_handlers={Refused: _refuse, HTTPException: _refuse_path},
    )


async def _refuse(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, Refused)
    return json_response(refused.body, refused.status, dict(refused.headers))


async def _refuse_path(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{HTTPStatus(error.status_code).phrase}: POST /v1/chat/completions, POST /v1/completions, GET /v1/models"
    refused = Refused(error.status_code, message)
    return json_response(refused.body, refused.status, dict(error.headers or {}))
