"""Gateways over fakes on loopback, and a router whose numbers are known."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeVar

import aiohttp
import numpy as np
import orjson

from anabranch.data.pool_prices import prices_of
from anabranch.routers.costing import Costing
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Estimate, Router
from anabranch.serving.app import create_app
from anabranch.serving.connection import Limits
from anabranch.serving.gateway import gateway_of
from anabranch.serving.offer import Offer
from anabranch.serving.server import address_of, bound, http_server
from anabranch.serving.strategies.strategy import Strategy
from anabranch.upstreams.fake import Fake
from anabranch.upstreams.pool import Pool, Served
from anabranch.upstreams.upstream import Upstream

PRICES = {
    "wren": {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6},
    "owl": {"input_cost_per_token": 1e-5, "output_cost_per_token": 2e-5},
}
HELLO = [{"role": "user", "content": "say hello"}]
ANSWER = "hello to you"
Got = TypeVar("Got")


def fake(**options: Any) -> Fake:
    """Answers the same three words to whatever it is asked."""
    return Fake(lambda request: ANSWER, **options)


def pool_of(names: Sequence[str]) -> Pool:
    models = [{"name": name, "upstream": name, "model": f"{name}-1b", "prices": PRICES.get(name, {})} for name in names]
    return Pool.model_validate({"upstreams": {name: {"kind": "fake"} for name in names}, "models": models})


def easy_or_hard(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
    """Both arms answer what is easy, only the owl what is hard; 100 completion tokens either way."""
    quality = np.array([[0.5 if "hard" in text else 0.9, 0.9] for text in texts], np.float32)
    return Estimates(quality, np.full_like(quality, 100), np.zeros_like(quality))


def router(estimate: Estimate = easy_or_hard) -> Router:
    """Arms wren and owl at the prices of `PRICES`, 1 token for 4 characters; trade-off 0.9 per 0.01 USD."""
    costing = Costing("completion_tokens", (1e-6, 1e-5), (2e-6, 2e-5), (0.25, 0.25))
    return Router("two-birds", ("wren", "owl"), estimate, costing, ArgmaxUtility(0.01), 0.9, "calibrated")


@dataclass(frozen=True)
class Running:
    """A gateway that listens."""

    address: str
    session: aiohttp.ClientSession

    async def post(self, body: Any, path: str = "/v1/chat/completions", **options: Any) -> "Answer":
        """The whole answer to a POST of JSON, or of bytes."""
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.session.post(self.address + path, **sent, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> "Answer":
        """The whole answer to a GET."""
        async with self.session.get(self.address + path, **options) as response:
            return Answer(response.status, response.headers, await response.read())


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def error(self) -> Any:
        return self.json["error"]

    def ours(self, name: str) -> str | None:
        """An `x-anabranch-` header."""
        return self.headers.get(f"x-anabranch-{name}")

    @property
    def events(self) -> list[str]:
        """The data of each server-sent event."""
        return [event.removeprefix("data: ") for event in self.raw.decode().split("\n\n") if event]


@asynccontextmanager
async def running(
    upstreams: Mapping[str, Upstream],
    routed: Router | None = None,
    limits: Limits | None = None,
    key: str | None = None,
    decisions: int = 1,
    strategies: Mapping[str, Strategy] = MappingProxyType({}),
    plan: Plan | None = None,
    **limits_of_plan: Any,
) -> AsyncIterator[Running]:
    """A gateway over upstreams by the name of their model, on a free port; with strategies by name, if any."""
    pool = pool_of(list(upstreams))
    bundle = "b" * 12 if routed or plan else ""
    offer = Offer(pool, prices_of(pool, partial=True), routed, bundle, plan, **limits_of_plan)
    served = {name: Served(pool.model(name), upstream) for name, upstream in upstreams.items()}
    with ThreadPoolExecutor(decisions) as threads, bound("127.0.0.1", 0) as listening:
        gateway = gateway_of(offer, served, threads)
        gateway = replace(gateway, strategies={**gateway.strategies, **strategies})
        server = http_server(create_app(gateway, limits or Limits(), key), grace_s=5)
        listening.listen()
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        async with aiohttp.ClientSession() as session:
            yield Running(address_of(listening), session)
        server.should_exit = True
        await serving


def on(use: Callable[[Running], Coroutine[Any, Any, Got]], upstreams: Mapping[str, Upstream], **options: Any) -> Got:
    """What `use` makes of a gateway over these upstreams."""

    async def run() -> Got:
        async with running(upstreams, **options) as gateway:
            return await use(gateway)

    return asyncio.run(run())


def answer_to(
    body: Any, upstreams: Mapping[str, Upstream] | None = None, path: str = "/v1/chat/completions", **options: Any
) -> Answer:
    """The answer to one POST."""
    headers = options.pop("headers", {})
    return on(lambda gateway: gateway.post(body, path, headers=headers), upstreams or {"wren": fake()}, **options)
