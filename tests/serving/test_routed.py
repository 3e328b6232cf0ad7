"""Requests that a router decides; its numbers are in `gateways.py`.

At trade-off 0.9 and scale 0.01 USD, "an easy one" has 11 characters, 2.75 tokens. wren: 2.75e-6 + 200e-6 = 2.0275e-4
USD, utility 0.9 x 0.9 - 0.1 x 0.020275; owl: ten times the cost at the same quality, so wren. "a hard one" has 10: owl
costs 25e-6 + 2000e-6 = 2.025e-3 USD, utility 0.9 x 0.9 - 0.1 x 0.2025 = 0.79; wren 0.9 x 0.5 - 0.002 = 0.448, so owl.
"""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import orjson
import pytest

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Floats
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.upstream import Upstream
from tests.serving.gateways import Running, answer_to, easy_or_hard, fake, on, router, running


def asked(text: str, model: str = "auto", **fields: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": text}], **fields}


def birds() -> dict[str, Upstream]:
    return {"wren": fake(), "owl": fake(), "jay": fake()}


@pytest.mark.parametrize("name", ["auto", "two-birds"])
def test_the_router_chooses(name: str) -> None:
    """3 words in and 3 out: wren costs 9e-6 USD, owl 9e-5."""
    easy = answer_to(asked("an easy one", name), birds(), routed=router())
    hard = answer_to(asked("a hard one", name), birds(), routed=router())
    assert [answer.ours("model") for answer in (easy, hard)] == ["wren", "owl"]
    assert [answer.ours("expected-cost-usd") for answer in (easy, hard)] == ["0.00020275", "0.002025"]
    assert [answer.ours("cost-usd") for answer in (easy, hard)] == ["9e-06", "9e-05"]
    assert easy.ours("strategy") == "route"
    assert easy.ours("reason") == "max_utility"
    assert easy.ours("bundle") == "b" * 12


def test_a_model_by_name_is_not_routed() -> None:
    answer = answer_to(asked("a hard one", "jay"), birds(), routed=router())
    assert (answer.ours("model"), answer.ours("strategy")) == ("jay", "direct")


def test_a_stream_says_first_what_it_may_cost() -> None:
    answer = answer_to(asked("a hard one", stream=True), birds(), routed=router())
    assert answer.ours("model") == "owl"
    assert answer.ours("expected-cost-usd") == "0.002025"
    assert answer.events[-1] == "[DONE]"


@pytest.mark.parametrize(
    ("headers", "field"), [({"x-anabranch-tradeoff": "0"}, {}), ({}, {"anabranch": {"tradeoff": 0}})]
)
def test_a_client_may_want_it_cheap(headers: dict[str, str], field: dict[str, Any]) -> None:
    """At 0 the cheapest answers, hard or not; the wish itself does not reach the upstream."""
    upstreams = birds()
    wren: Any = upstreams["wren"]
    answer = answer_to(asked("a hard one", **field), upstreams, routed=router(), headers=headers)
    assert answer.ours("model") == "wren"
    assert wren.requests[0].extra == {}


@pytest.mark.parametrize("value", ["1.5", "-1", "nan", "cheap", ""])
def test_a_trade_off_is_a_share(value: str) -> None:
    answer = answer_to(asked("a hard one"), birds(), routed=router(), headers={"x-anabranch-tradeoff": value})
    assert (answer.status, answer.error["param"]) == (400, "x-anabranch-tradeoff")


@pytest.mark.parametrize("messages", [[{"role": "user", "content": " "}], [{"role": "assistant", "content": "hi"}]])
def test_nothing_to_route_on(messages: list[dict[str, str]]) -> None:
    answer = answer_to({"model": "auto", "messages": messages}, birds(), routed=router())
    assert (answer.status, answer.error["param"]) == (400, "messages")
    assert "no text to route on" in answer.error["message"]


def test_raw_text_is_routed_too_and_each_prompt_by_itself() -> None:
    body = {"model": "auto", "prompt": ["an easy one", "a hard one", "as easy"]}
    answer = answer_to(body, birds(), "/v1/completions", routed=router())
    assert answer.ours("model") == "wren, owl"
    assert answer.json["model"] == "wren-1b, owl-1b"
    assert len(answer.json["choices"]) == 3


def test_token_ids_cannot_be_routed() -> None:
    answer = answer_to({"model": "auto", "prompt": [5, 7]}, birds(), "/v1/completions", routed=router())
    assert (answer.status, answer.error["param"]) == (400, "prompt")


def test_an_arm_that_cannot_serve_a_request_is_not_chosen() -> None:
    """The owl, which would answer, only chats."""

    async def ask(upstreams: dict[str, Upstream]) -> Any:
        async with running(upstreams, router()) as gateway:
            return await gateway.post({"model": "auto", "prompt": "a hard one"}, "/v1/completions")

    far = OpenAICompatible("far", "http://127.0.0.1:9/v1")
    one, none = (asyncio.run(ask({"wren": first, "owl": far})) for first in (fake(), far))
    assert one.ours("model") == "wren"
    assert none.status == 400
    assert "no model of the router can serve this: model 'wren' answers chats only" in none.error["message"]


def test_a_slow_decision_holds_nobody_up() -> None:
    """The decision waits until the other requests were answered, the router's model by name among them."""
    go_on = threading.Event()

    def slow(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        assert go_on.wait(10)
        return easy_or_hard(texts, tradeoff)

    async def use(gateway: Running) -> tuple[int, int, str | None]:
        deciding = asyncio.create_task(gateway.post(asked("a hard one")))
        await asyncio.sleep(0.05)
        alive = await gateway.get("/health")
        direct = await gateway.post(asked("a hard one", "wren"))
        assert not deciding.done()
        go_on.set()
        return alive.status, direct.status, (await deciding).ours("model")

    assert on(use, birds(), routed=router(slow)) == (200, 200, "owl")


def test_the_models_are_listed() -> None:
    async def use(gateway: Running) -> None:
        listed = await gateway.get("/v1/models")
        assert listed.json["object"] == "list"
        assert [model["id"] for model in listed.json["data"]] == ["auto", "two-birds", "wren", "owl", "jay"]
        assert (await gateway.get("/v1/models/auto")).json["object"] == "model"
        assert (await gateway.get("/v1/models/robin")).error["code"] == "model_not_found"
        health = (await gateway.get("/health")).json
        assert (health["status"], health["bundle"]) == ("ok", "b" * 12)
        assert orjson.dumps(health)

    on(use, birds(), routed=router())
