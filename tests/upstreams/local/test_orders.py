import math
from collections.abc import Mapping
from typing import Any

import pytest

from anabranch.upstreams.errors import BadRequest
from anabranch.upstreams.local.orders import Orders
from anabranch.upstreams.local.vocabulary import Vocabulary
from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Request
from tests.upstreams.local import tiny

SAY_HI: Mapping[str, Any] = {"role": "user", "content": "hi"}


def orders(template: str | None = tiny.TEMPLATE, window: int | None = 1000) -> Orders:
    return Orders("tiny", Vocabulary(tiny.byte_tokenizer(template), tiny.VOCABULARY), window, frozenset({256}))


def test_what_a_request_leaves_open() -> None:
    order = orders().chat(Request("tiny", (SAY_HI,)), streams=True)
    assert (order.max_tokens, order.stops, order.ends, order.top, order.echo) == (256, (), frozenset({256}), None, None)
    assert (order.sampling.temperature, order.sampling.top_p) == (0.0, 1.0)
    assert order.streams


def test_what_a_request_names() -> None:
    request = Request("tiny", (SAY_HI,), 5, 0.7, ("x",), 3, 2, {"top_p": 0.9, "user": "u1", "n": 1, "tools": []})
    order = orders().chat(request, streams=False)
    assert (order.max_tokens, order.stops, order.top) == (5, ("x",), 2)
    assert (order.sampling.temperature, order.sampling.top_p) == (0.7, 0.9)


def test_the_newer_name_of_max_tokens() -> None:
    request = Request("tiny", (SAY_HI,), extra={"max_completion_tokens": 7})
    assert orders().chat(request, streams=False).max_tokens == 7


def test_no_window_is_no_limit() -> None:
    assert orders(window=None).chat(Request("tiny", (SAY_HI,), 10_000), streams=False).max_tokens == 10_000


def test_a_chat_is_laid_out_by_the_template() -> None:
    messages = ({"role": "system", "content": "be brief"}, SAY_HI, {"role": "assistant", "content": None})
    order = orders().chat(Request("tiny", messages), streams=False)
    assert tiny.byte_tokenizer().decode(list(order.prompt)) == "s:be brief\nu:hi\na:\na:"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_tokens": 0}, "max_tokens 0; it must be a whole number of at least 1"),
        ({"max_tokens": 2.5}, "max_tokens 2.5; it must be a whole number"),
        ({"temperature": -1.0}, "temperature -1.0; it must be 0 or more"),
        ({"temperature": math.nan}, "temperature nan; it must be 0 or more"),
        ({"top_logprobs": -1}, "top_logprobs -1; it must be a whole number of at least 0"),
        ({"stop": ("x", "")}, "an empty stop string"),
        ({"extra": {"top_p": 0}}, r"top_p 0; it must be a number in \(0, 1\]"),
        ({"extra": {"top_p": "all"}}, "top_p 'all'; it must be a number"),
        ({"extra": {"n": 2}}, "cannot honour 'n'"),
        ({"extra": {"tools": [{"type": "function"}]}}, "cannot honour 'tools'"),
        ({"extra": {"response_format": {"type": "json_object"}}}, "cannot honour 'response_format'"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        orders().chat(Request("tiny", (SAY_HI,), **settings), streams=False)


def test_a_continuation_of_nothing_is_allowed_and_of_less_is_not() -> None:
    assert orders().text(TextRequest("tiny", "x", 0), streams=False).max_tokens == 0
    with pytest.raises(BadRequest, match="at least 0"):
        orders().text(TextRequest("tiny", "x", -1), streams=False)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([{"type": "text", "text": "what is"}, {"type": "image_url", "image_url": {}}], r"kinds \['image_url'\]"),
        ([{"text": "no type"}], "neither a text nor a list of parts"),
        ([{"type": "text"}], "neither a text nor a list of parts"),
        (7, "neither a text nor a list of parts"),
    ],
)
def test_contents_that_cannot_be_read(content: Any, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        orders().chat(Request("tiny", ({"role": "user", "content": content},)), streams=False)


def test_messages_that_the_template_refuses() -> None:
    refusing = "{{ raise_exception('no ' + messages[0].content) }}"
    with pytest.raises(BadRequest, match=r"refuses messages with the roles \['user'\]") as caught:
        orders(refusing).chat(Request("tiny", ({"role": "user", "content": "secret"},)), streams=False)
    assert "secret" not in str(caught.value)
