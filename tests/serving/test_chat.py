"""POST /v1/chat/completions over real sockets; a fake's token is a word."""

import asyncio
from typing import Any

import orjson
import pytest

from anabranch.upstreams import errors
from anabranch.upstreams.fake import Delay, Fake, Truncated
from anabranch.upstreams.fake_server import FakeServer
from anabranch.upstreams.openai_compatible import OpenAICompatible
from tests.serving.gateways import ANSWER, HELLO, answer_to, fake, running

ASK: dict[str, Any] = {"model": "wren", "messages": HELLO}


def test_an_answer() -> None:
    """2 words in at 1e-6, 3 out at 2e-6: 8e-6 USD."""
    answer = answer_to(ASK)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["object"] == "chat.completion"
    assert answer.json["choices"][0]["message"] == {"role": "assistant", "content": ANSWER}
    assert answer.json["usage"]["total_tokens"] == 5
    assert answer.json["id"] == f"chatcmpl-{answer.ours('decision-id')}"
    assert answer.ours("cost-usd") == "8e-06"
    assert answer.ours("strategy") == "direct"
    assert answer.ours("model") == "wren"
    assert answer.ours("resolved-model") == "wren-1b"
    assert answer.ours("reason") == "asked for by name"
    assert answer.ours("attempts") == "1"
    assert float(answer.ours("overhead-ms") or -1) >= 0
    assert answer.ours("bundle") is None
    assert answer.ours("expected-cost-usd") is None


def test_the_upstream_gets_its_own_name_and_unknown_fields() -> None:
    upstream = fake()
    answer_to({**ASK, "temperature": 0, "user": "u1", "top_p": 0.5}, {"wren": upstream})
    (request,) = upstream.requests
    assert request.model == "wren-1b"
    assert request.temperature == 0
    assert request.extra == {"user": "u1", "top_p": 0.5}


def test_an_unknown_price_is_no_price() -> None:
    answer = answer_to({**ASK, "model": "stranger"}, {"stranger": fake()})
    assert answer.status == 200
    assert answer.ours("cost-usd") is None


def test_a_stream() -> None:
    answer = answer_to({**ASK, "stream": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *pieces, done = answer.events
    assert done == "[DONE]"
    bodies = [orjson.loads(piece) for piece in pieces]
    assert [body["choices"][0]["delta"].get("content") for body in bodies] == ["hello", " to", " you", ""]
    assert [body["choices"][0]["delta"].get("role") for body in bodies] == ["assistant", None, None, None]
    assert [body["choices"][0]["finish_reason"] for body in bodies] == [None, None, None, "stop"]
    assert len({body["id"] for body in bodies}) == 1
    assert not any("usage" in body for body in bodies)
    assert answer.ours("model") == "wren"
    assert answer.ours("resolved-model") == "wren-1b"
    assert answer.ours("cost-usd") is None


def test_a_stream_with_usage_says_what_it_cost() -> None:
    """The costs of test_an_answer."""
    answer = answer_to({**ASK, "stream": True, "stream_options": {"include_usage": True}})
    last = orjson.loads(answer.events[-2])
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 5
    assert last["anabranch"]["cost_usd"] == pytest.approx(8e-6)
    assert last["anabranch"]["calls"][0]["model"] == "wren"
    assert last["anabranch"]["decision_id"] == answer.ours("decision-id")


@pytest.mark.parametrize(
    ("body", "param", "rule"),
    [
        ({"messages": HELLO}, "model", "model is missing"),
        ({"model": "wren"}, "messages", "messages is missing; it must be a list of at least one message"),
        ({**ASK, "messages": []}, "messages", "a list of at least one message"),
        ({**ASK, "messages": "secret words"}, "messages", "a list of at least one message"),
        ({**ASK, "messages": [{"content": "secret words"}]}, "messages", "each an object with a role"),
        ({**ASK, "model": 3}, "model", "text that is not empty"),
        ({**ASK, "temperature": "secret words"}, "temperature", "a number of at least 0"),
        ({**ASK, "max_tokens": 1.5}, "max_tokens", "a whole number of at least 0"),
        ({**ASK, "stop": [1]}, "stop", "text or a list of texts"),
        ({**ASK, "stream": "yes"}, "stream", "true or false"),
        ({**ASK, "stream_options": []}, "stream_options", "an object"),
        ({**ASK, "n": 0}, "n", "a whole number of at least 1"),
        ({**ASK, "top_logprobs": 21}, "top_logprobs", "a whole number from 0 to 20"),
        ({**ASK, "anabranch": {"tradeoff": 2}}, "anabranch.tradeoff", "a number from 0 to 1"),
        ({**ASK, "anabranch": {"trade": 0.5}}, "anabranch", "the field tradeoff and no other"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not(body: Any, param: str, rule: str) -> None:
    answer = answer_to(body)
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["param"] == param
    assert rule in answer.error["message"]
    assert "secret" not in answer.raw.decode()


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b'"secret"', b"\xff"])
def test_a_body_that_is_no_object(raw: bytes) -> None:
    answer = answer_to(raw)
    assert (answer.status, answer.error["code"]) == (400, "invalid_json")
    assert "secret" not in answer.raw.decode()


def test_null_is_as_good_as_nothing() -> None:
    upstream = fake()
    body = {**ASK, "max_tokens": None, "stop": None, "logprobs": True, "top_logprobs": None, "stream": None}
    assert answer_to(body, {"wren": upstream}).status == 200
    assert upstream.requests[0].top_logprobs == 0


def test_an_unknown_model_is_told_the_known_ones() -> None:
    answer = answer_to({**ASK, "model": "robin"}, {"wren": fake(), "owl": fake()})
    assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "model_not_found", "model")
    assert answer.error["message"] == "unknown model 'robin'; known: wren, owl"


def test_several_answers_at_once_are_refused_where_there_is_one() -> None:
    answer = answer_to({**ASK, "n": 2})
    assert (answer.status, answer.error["param"]) == (400, "model")
    assert "model 'wren' gives one answer a request" in answer.error["message"]


def test_several_answers_at_once_pass_through() -> None:
    """The fake server answers once all the same; what counts is what it was asked."""

    async def ask() -> Any:
        async with FakeServer(fake()) as server:
            client = OpenAICompatible("behind", server.base_url)
            async with running({"wren": client}) as gateway:
                answer = await gateway.post({**ASK, "n": 2, "logit_bias": {"5": -1}})
            await client.close()
            return answer.status, server.received[0].body

    status, body = asyncio.run(ask())
    assert status == 200
    assert (body["n"], body["logit_bias"], body["model"]) == (2, {"5": -1}, "wren-1b")


FAILURES = [
    (errors.RateLimited("x", "said no", retry_after_s=2.6), 429, "rate_limit_exceeded", "3"),
    (errors.TimedOut("x", "said no"), 504, "upstream_timed_out", None),
    (errors.Overloaded("x", "said no"), 503, "upstream_overloaded", None),
    (errors.Unreachable("x", "said no"), 502, "upstream_unreachable", None),
    (errors.BadReply("x", "said no"), 502, "upstream_bad_reply", None),
    (errors.Unauthorised("x", "said no"), 502, "upstream_refused_access", None),
    (errors.UnknownModel("x", "said no"), 502, "upstream_model_unknown", None),
    (errors.ContextTooLong("x", "said no"), 400, "context_length_exceeded", None),
    (errors.BadRequest("x", "said no"), 400, None, None),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("error", "status", "code", "wait"), FAILURES)
def test_an_upstream_that_fails(
    error: errors.UpstreamError, status: int, code: str | None, wait: str | None, stream: bool
) -> None:
    """A stream that has not begun has a status too."""
    answer = answer_to({**ASK, "stream": stream}, {"wren": fake(faults=[error])})
    assert (answer.status, answer.error["code"]) == (status, code)
    assert answer.error["message"] == str(error)
    assert answer.headers.get("retry-after") == wait
    assert answer.ours("model") == "wren"
    assert answer.ours("decision-id")


def test_a_stream_that_breaks_ends_with_an_error_and_is_not_done() -> None:
    answer = answer_to({**ASK, "stream": True}, {"wren": fake(faults=[Truncated(2)])})
    assert answer.status == 200
    bodies = [orjson.loads(event) for event in answer.events]
    assert [body["choices"][0]["delta"]["content"] for body in bodies[:2]] == ["hello", " to"]
    assert [body["error"]["code"] for body in bodies[2:]] == ["upstream_bad_reply"]


def test_a_defect_says_where_and_nothing_of_the_prompt(caplog: pytest.LogCaptureFixture) -> None:
    def fail(request: Any) -> str:
        raise RuntimeError(f"cannot answer {request.messages}")

    messages = [{"role": "user", "content": "my secret"}]
    answer = answer_to({**ASK, "messages": messages}, {"wren": Fake(fail)})
    assert (answer.status, answer.error["type"]) == (500, "server_error")
    assert f"decision {answer.ours('decision-id')} failed with RuntimeError" in caplog.text
    assert "in fail" in caplog.text
    assert "secret" not in caplog.text + answer.raw.decode()


def test_an_upstream_that_cancels_itself_is_a_defect() -> None:
    async def cancel(seconds: float) -> None:
        raise asyncio.CancelledError

    answer = answer_to(ASK, {"wren": fake(faults=[Delay(1)], sleep=cancel)})
    assert (answer.status, answer.error["code"]) == (500, "internal_error")


def test_time_in_the_upstream_is_not_ours() -> None:
    answer = answer_to(ASK, {"wren": fake(faults=[Delay(0.5)])})
    assert float(answer.ours("overhead-ms") or 500) < 500
