"""Requests for `auto` where a cascade is served, from the settings of `tests/export/cascades.py` on.

At 0 the wren alone answers, at 1/2 all in turn, at 1 the owl. A mean log-probability of -1 or more is a chance of 0.75,
and 0.5 is enough; less is one of 0.25.
"""

from typing import Any

import pytest

from tests.export.cascades import cascade_settings
from tests.serving.birds import Bird, Say
from tests.serving.cascades import birds
from tests.serving.gateways import HELLO, Answer, Running, on

PLAN = cascade_settings().plan("birds", {})


def flock(**says: Say) -> dict[str, Bird]:
    return birds(**{"wren": Say("a", (-1.5,)), "jay": Say("b c", (-1.0,)), "owl": Say("d"), **says})


def post(flying: dict[str, Bird], headers: dict[str, str] | None = None, **options: Any) -> Answer:
    body = {"model": options.pop("model", "auto"), "messages": HELLO, **options.pop("fields", {})}
    return on(lambda gateway: gateway.post(body, headers=headers), flying, plan=PLAN, **options)


@pytest.mark.parametrize("model", ["auto", "birds"])
def test_auto_is_the_cascade(model: str) -> None:
    flying = flock()
    answer = post(flying, model=model)
    assert answer.json["choices"][0]["message"]["content"] == "b c"
    said = {name: answer.ours(name) for name in ("strategy", "model", "reason", "bundle", "attempts")}
    assert said == {"strategy": "cascade", "model": "jay", "reason": "sure", "bundle": "b" * 12, "attempts": "2"}
    assert [len(bird.requests) for bird in flying.values()] == [1, 1, 0]


@pytest.mark.parametrize(("tradeoff", "model"), [("0", "wren"), ("0.2", "wren"), ("0.25", "jay"), ("1", "owl")])
def test_a_client_chooses_the_stop(tradeoff: str, model: str) -> None:
    flying = flock()
    assert post(flying, {"x-anabranch-tradeoff": tradeoff}).ours("model") == model
    assert post(flock(), fields={"anabranch": {"tradeoff": float(tradeoff)}}).ours("model") == model


def test_a_model_by_name_is_not_cascaded() -> None:
    answer = post(flock(), model="owl")
    assert (answer.ours("model"), answer.ours("strategy"), answer.ours("attempts")) == ("owl", "direct", "1")


def test_limits_hold_for_the_cascade() -> None:
    """The wren says nothing and has failed; the jay gets the 1 token that is granted."""
    flying = flock(wren=Say("a b", hang=0))
    answer = post(flying, timeout_s=0.05, max_completion_tokens=1)
    assert (answer.ours("model"), answer.json["choices"][0]["message"]["content"]) == ("jay", "b")
    assert flying["wren"].cancelled == 1


def test_the_cascade_is_listed() -> None:
    async def use(gateway: Running) -> None:
        listed = await gateway.get("/v1/models")
        assert [model["id"] for model in listed.json["data"]] == ["auto", "birds", "wren", "jay", "owl"]
        assert (await gateway.get("/health")).json["bundle"] == "b" * 12

    on(use, flock(), plan=PLAN)
