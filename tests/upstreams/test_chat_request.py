from types import MappingProxyType
from typing import Any

import orjson
import pytest

from anabranch.upstreams.chat_request import read_request, request_body, request_bytes
from anabranch.upstreams.upstream import Request

MESSAGES = ({"role": "user", "content": "hi"},)
FULL = Request("tiny", MESSAGES, 5, 0.0, ("a", "b"), 7, 2, {"tools": [{"type": "function"}]})


def test_every_field_has_its_name_in_the_protocol() -> None:
    assert request_body(FULL) == {
        "model": "tiny",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 5,
        "temperature": 0.0,
        "stop": ["a", "b"],
        "seed": 7,
        "logprobs": True,
        "top_logprobs": 2,
        "tools": [{"type": "function"}],
    }


def test_what_is_not_chosen_is_not_sent() -> None:
    assert set(request_body(Request("tiny", MESSAGES))) == {"model", "messages"}


def test_no_alternatives_still_asks_for_logprobs() -> None:
    body = request_body(Request("tiny", MESSAGES, top_logprobs=0))
    assert body["logprobs"] is True
    assert "top_logprobs" not in body


def test_the_named_field_wins_over_extra() -> None:
    body = request_body(Request("tiny", MESSAGES, seed=1, extra={"model": "huge", "seed": 2}))
    assert (body["model"], body["seed"]) == ("tiny", 1)


def test_how_the_answer_is_delivered_is_not_for_extra_to_say() -> None:
    extra: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": False, "x": 1}}
    request = Request("tiny", MESSAGES, extra=extra)
    assert "stream" not in request_body(request)
    assert request_body(request, stream=True)["stream_options"] == {"include_usage": True, "x": 1}


@pytest.mark.parametrize("request_", [FULL, Request("tiny", MESSAGES), Request("tiny", MESSAGES, top_logprobs=0)])
def test_there_and_back(request_: Request) -> None:
    assert read_request(orjson.loads(request_bytes(request_body(request_, stream=True)))) == request_


def test_any_mapping_is_an_object() -> None:
    assert request_bytes({"a": MappingProxyType({"b": 1})}) == b'{"a":{"b":1}}'
