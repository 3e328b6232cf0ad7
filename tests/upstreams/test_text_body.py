"""Bodies of /completions, there and back."""

import math
from typing import Any

import pytest

from anabranch.upstreams.errors import BadReply, BadUsage
from anabranch.upstreams.text_body import (
    logprobs_body,
    prompts_of,
    read_text_chunk,
    read_text_reply,
    read_text_requests,
    text_chunk_body,
    text_reply_body,
    text_request_body,
)
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Usage

ASK = TextRequest("tiny", "say hello")
TOKENS = (TextToken("It", None), TextToken(" is", -0.5, ((" is", -0.5), (" was", -1.0))))


@pytest.mark.parametrize(
    "request_",
    [
        TextRequest("tiny", "hi"),
        TextRequest("tiny", (3, 1, 2), 5, 0.5, ("x", "y"), 7, 2, True, {"user": "u1"}),
        TextRequest("tiny", "", max_tokens=0, top_logprobs=0),
    ],
)
def test_a_request_comes_back(request_: TextRequest) -> None:
    assert read_text_requests(text_request_body(request_)) == [request_]


def test_how_the_answer_is_delivered_is_no_part_of_a_request() -> None:
    body = text_request_body(ASK, stream=True)
    assert body["stream"] is True
    assert body["stream_options"] == {"include_usage": True}
    assert read_text_requests(body) == [ASK]


def test_one_stop_is_a_text() -> None:
    assert read_text_requests({"model": "tiny", "prompt": "a", "stop": "x"})[0].stop == ("x",)


@pytest.mark.parametrize("prompt", [None, 5, [], [[]], [1, "a"], ["a", None], [1, -1], [True], [[1.5]]])
def test_what_is_no_prompt(prompt: Any) -> None:
    with pytest.raises(ValueError, match="prompt"):
        prompts_of(prompt)


def test_a_reply_comes_back() -> None:
    reply = TextReply("It is", "tiny-1b", "stop", Usage(3, 2), 0.5, TOKENS)
    body = text_reply_body([reply], {"id": "cmpl-1", "created": 0, "model": "tiny-1b"})
    assert body["id"] == "cmpl-1"
    assert read_text_reply("here", ASK, body, latency_s=0.5) == reply


def test_several_replies_are_one_body() -> None:
    """3 + 1 prompt tokens, 2 + 1 completion tokens; without the usage of one there is none."""
    replies = [TextReply("It is", "m", "stop", Usage(3, 2), 0.1), TextReply("no", "m", "length", Usage(1, 1), 0.1)]
    body = text_reply_body(replies, {})
    assert [(choice["index"], choice["text"]) for choice in body["choices"]] == [(0, "It is"), (1, "no")]
    assert (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"]) == (4, 3)
    assert "usage" not in text_reply_body([replies[0], TextReply("no", "m", "length", None, 0.1)], {})


def test_a_chunk_comes_back_without_its_usage() -> None:
    body = text_chunk_body(TextChunk(" is", "stop", Usage(3, 2), TOKENS[1:]), {"id": "cmpl-1"}, index=2, offset=2)
    assert body["choices"][0]["index"] == 2
    assert body["choices"][0]["logprobs"]["text_offset"] == [2]
    assert read_text_chunk("here", body) == TextChunk(" is", "stop", None, TOKENS[1:])


def test_the_piece_with_the_usage_has_no_choice() -> None:
    body = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    assert read_text_chunk("here", body) == TextChunk("", None, Usage(3, 2))


def test_the_likeliest_of_what_reads_alike_counts_and_the_token_itself_is_there() -> None:
    """JSON has no infinity."""
    token = TextToken("a", -3.0, (("b", -1.0), ("b", -2.0), ("c", -math.inf)))
    body = logprobs_body([token])
    assert body["top_logprobs"] == [{"b": -1.0, "c": -9999.0, "a": -3.0}]
    assert logprobs_body([TextToken("a", -math.inf)])["token_logprobs"] == [-9999.0]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": None},
        {"choices": [{}]},
        {"choices": [{"text": 5, "finish_reason": "stop"}]},
        {"choices": [{"text": "a", "finish_reason": 1}]},
        {"choices": [{"text": "a", "finish_reason": None}]},
        {"choices": [{"text": "a", "finish_reason": "stop", "logprobs": {"tokens": ["a"], "token_logprobs": []}}]},
    ],
)
def test_a_malformed_completion(body: Any) -> None:
    with pytest.raises(BadReply):
        read_text_reply("here", ASK, body)


def test_usage_that_contradicts_itself() -> None:
    body = text_reply_body([TextReply("a", "m", "stop", None, 0.1)], {})
    with pytest.raises(BadUsage):
        read_text_reply("here", ASK, {**body, "usage": {"prompt_tokens": -1, "completion_tokens": 1}})
