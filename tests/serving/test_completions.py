"""POST /v1/completions over real sockets; a fake's token is a word, its log-probability 0."""

import asyncio
from typing import Any

import orjson
import pytest

from anabranch.upstreams.fake import Truncated
from anabranch.upstreams.openai_compatible import OpenAICompatible
from tests.serving.gateways import ANSWER, answer_to, fake, running

ASK: dict[str, Any] = {"model": "wren", "prompt": "say hello"}
PATH = "/v1/completions"


def test_an_answer() -> None:
    """2 words in at 1e-6, 3 out at 2e-6: 8e-6 USD."""
    answer = answer_to(ASK, path=PATH)
    assert answer.status == 200
    assert answer.json["object"] == "text_completion"
    assert answer.json["choices"] == [{"index": 0, "text": ANSWER, "logprobs": None, "finish_reason": "stop"}]
    assert answer.json["id"] == f"cmpl-{answer.ours('decision-id')}"
    assert answer.json["usage"]["total_tokens"] == 5
    assert answer.ours("cost-usd") == "8e-06"
    assert answer.ours("attempts") == "1"


def test_echo_with_logprobs() -> None:
    """Of the first token of a prompt nothing is known; offsets are characters: "say" is 3, " hello" 6."""
    answer = answer_to({**ASK, "echo": True, "logprobs": 1, "max_tokens": 0}, path=PATH)
    assert answer.json["choices"][0]["text"] == "say hello"
    assert answer.json["choices"][0]["finish_reason"] == "length"
    assert answer.json["choices"][0]["logprobs"] == {
        "tokens": ["say", " hello"],
        "token_logprobs": [None, 0.0],
        "top_logprobs": [None, {" hello": 0.0}],
        "text_offset": [0, 3],
    }


def test_several_prompts_are_several_choices() -> None:
    """Words: 1 + 2 + 2 in, 3 x 3 out; at 1e-6 and 2e-6 that is 23e-6 USD."""
    upstream = fake()
    answer = answer_to({**ASK, "prompt": ["a", "b c", [5, 7]]}, {"wren": upstream}, PATH)
    assert [choice["index"] for choice in answer.json["choices"]] == [0, 1, 2]
    assert answer.json["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 9,
        "total_tokens": 14,
        "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert answer.ours("cost-usd") == "2.3e-05"
    assert answer.ours("model") == "wren"
    assert answer.ours("attempts") == "3"
    assert sorted(request.messages[0]["content"] for request in upstream.requests) == ["5 7", "a", "b c"]


def test_one_prompt_that_fails_fails_them_all() -> None:
    answer = answer_to({**ASK, "prompt": ["a", "b"]}, {"wren": fake(faults=[None, Truncated()])}, PATH)
    assert (answer.status, answer.error["code"]) == (502, "upstream_bad_reply")


def test_a_stream() -> None:
    """Offsets run on over the pieces: "hello" is 5, " to" 3."""
    options = {"stream": True, "logprobs": 0, "stream_options": {"include_usage": True}}
    *pieces, usage, done = answer_to({**ASK, **options}, path=PATH).events
    choices = [orjson.loads(piece)["choices"][0] for piece in pieces]
    assert done == "[DONE]"
    assert [choice["text"] for choice in choices] == ["hello", " to", " you", ""]
    assert [choice["logprobs"]["text_offset"] for choice in choices[:3]] == [[0], [5], [8]]
    assert [choice["finish_reason"] for choice in choices] == [None, None, None, "stop"]
    assert orjson.loads(usage)["usage"]["total_tokens"] == 5
    assert orjson.loads(usage)["anabranch"]["cost_usd"] == pytest.approx(8e-6)


def test_several_prompts_stream_with_their_numbers() -> None:
    *pieces, _ = answer_to({**ASK, "prompt": ["a", "b"], "stream": True}, path=PATH).events
    choices = [orjson.loads(piece)["choices"][0] for piece in pieces]
    assert [choice["index"] for choice in choices] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert [choice["text"] for choice in choices] == ["hello", " to", " you", ""] * 2


@pytest.mark.parametrize(
    ("change", "param", "rule"),
    [
        ({"prompt": None}, "prompt", "prompt is missing"),
        ({"prompt": 5}, "prompt", "text, token ids, or a list of either"),
        ({"prompt": []}, "prompt", "prompt must be text"),
        ({"prompt": [1, "a"]}, "prompt", "a whole number of at least 0"),
        ({"prompt": [[1, -1]]}, "prompt", "a whole number of at least 0"),
        ({"prompt": ["a"] * 257}, "prompt", "prompt holds 257 prompts; send at most 256 at once"),
        ({"logprobs": True}, "logprobs", "a whole number from 0 to 20"),
        ({"echo": 1}, "echo", "true or false"),
        ({"n": 2}, "model", "model 'wren' gives one answer a prompt"),
        ({"best_of": 2}, "model", "model 'wren' gives one answer a prompt"),
        ({"suffix": "the end"}, "model", "model 'wren' cannot fill in before a suffix"),
    ],
)
def test_a_wrong_field_is_named(change: dict[str, Any], param: str, rule: str) -> None:
    answer = answer_to(ASK | change, path=PATH)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert rule in answer.error["message"]


def test_a_model_that_only_chats_is_refused() -> None:
    async def ask() -> tuple[int, str]:
        client = OpenAICompatible("far", "http://127.0.0.1:9/v1")
        async with running({"wren": client}) as gateway:
            answer = await gateway.post(ASK, PATH)
        return answer.status, answer.error["message"]

    assert asyncio.run(ask()) == (400, "model 'wren' answers chats only; use /v1/chat/completions")
