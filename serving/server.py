"""The process: a socket, a signal to stop, and uvicorn in between."""

import asyncio
import errno
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp
from uvicorn.loops.auto import auto_loop_factory

from anabranch.serving.app import create_app
from anabranch.serving.gateway import gateway_of
from anabranch.serving.middleware import LOG
from anabranch.serving.offer import Offer
from anabranch.serving.settings import ServeError, ServeSettings
from anabranch.upstreams.pool import OpenPool

BACKLOG = 2048
KEEP_ALIVE_S = 75  # longer than most load balancers keep an idle connection


class Server(uvicorn.Server):
    """uvicorn that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def http_server(app: ASGIApp, grace_s: int) -> Server:
    """The server of an app; `serve(sockets=[...])` runs it until `should_exit` is set.

    Args:
        app: what answers.
        grace_s: for requests in flight once it is to end.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        lifespan="off",
        ws="none",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=grace_s,
        server_header=False,
    )
    return Server(config)


def serve(offer: Offer, settings: ServeSettings, started: Callable[[str], None]) -> None:
    """Serve until SIGTERM or Ctrl-C; then requests in flight have `grace_s` to end, and upstreams are closed.

    Args:
        offer: what is served.
        settings: where, and within which limits.
        started: told the address once requests are accepted.

    Raises:
        ServeError: the address is taken or not ours, or the clients' key is not set.
        PoolError: an upstream cannot be opened.
    """
    key = client_key(settings.api_key_env, os.environ)
    if not settings.quiet:
        LOG.setLevel(logging.INFO)
    with (
        bound(settings.host, settings.port) as listening,
        asyncio.Runner(loop_factory=auto_loop_factory()) as runner,
    ):
        runner.run(_serve(offer, settings, key, listening, started))


async def _serve(
    offer: Offer, settings: ServeSettings, key: str | None, listening: socket.socket, started: Callable[[str], None]
) -> None:
    with ThreadPoolExecutor(settings.decision_threads, thread_name_prefix="decide") as threads:
        async with OpenPool(offer.pool) as pool:
            served = {name: pool.served(name) for name in offer.pool.names}
            app = create_app(gateway_of(offer, served, threads), settings.limits, key)
            server = http_server(app, settings.grace_s)
            _stop_on_signals(server)
            listening.listen(BACKLOG)  # so that what is said to have started answers at once
            started(address_of(listening))
            await server.serve(sockets=[listening])


def _stop_on_signals(server: Server) -> None:
    """The first signal ends the server, the second one drops what is in flight."""

    def stop() -> None:
        server.force_exit = server.should_exit
        server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def client_key(variable: str | None, environment: Mapping[str, str]) -> str | None:
    """The key that clients must send.

    Raises:
        ServeError: the variable is not set.

    >>> client_key(None, {}), client_key("KEY", {"KEY": "secret"})
    (None, 'secret')
    """
    if variable is None:
        return None
    if not environment.get(variable):
        raise ServeError(f"clients' key is to come from the variable {variable}, which is not set; export it")
    return environment[variable]


def bound(host: str, port: int) -> socket.socket:
    """A socket at an address, not yet listening.

    Raises:
        ServeError: the address is taken, or not one of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ServeError(
                f"port {port} on {host} is in use; choose another with --port, or --port 0 for one that is free"
            ) from None
        raise ServeError(f"cannot listen on {host} port {port}: {error.strerror}; choose another with --port") from None
    return listening


def address_of(listening: socket.socket) -> str:
    """The URL of a bound socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
