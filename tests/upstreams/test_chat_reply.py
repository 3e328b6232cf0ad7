import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import pytest

from anabranch.upstreams.chat_reply import has_content, read_chunk, read_reply, read_stream, reply_body, reply_chunks
from anabranch.upstreams.errors import BadReply
from anabranch.upstreams.upstream import Chunk, Reply, Request, TokenLogprob, Usage

REQUEST = Request("tiny", ())
USAGE = {"prompt_tokens": 3, "completion_tokens": 1}


def completion(message: object, finish_reason: object = "stop", **fields: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": finish_reason}], **fields}


def test_a_reply_keeps_what_it_does_not_name() -> None:
    body = completion({"content": "4"}, model="tiny-2", usage=USAGE, system_fingerprint="f")
    assert read_reply("x", REQUEST, body, 1.5, 2) == Reply("4", "tiny-2", "stop", Usage(3, 1), 1.5, (), 2, body)


def test_logprobs() -> None:
    content = [
        {
            "token": "4",
            "logprob": -0.1,
            "top_logprobs": [{"token": "4", "logprob": -0.1}, {"token": "5", "logprob": -3}],
        },
        {"token": ".", "logprob": 0},
    ]
    body = completion({"content": "4."})
    body["choices"][0]["logprobs"] = {"content": content}
    expected = (TokenLogprob("4", -0.1, (("4", -0.1), ("5", -3.0))), TokenLogprob(".", 0.0))
    assert read_reply("x", REQUEST, body).logprobs == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"choices": []},
        {"choices": None},
        {"choices": [3]},
        completion(None),
        completion({"content": 3}),
        completion({"content": "4"}, None),
        completion({"content": "4"}, ""),
        {"choices": [{"message": {"content": "4"}, "finish_reason": "stop", "logprobs": {"content": [{}]}}]},
    ],
)
def test_a_malformed_reply(body: dict[str, Any]) -> None:
    with pytest.raises(BadReply, match="well-formed first choice"):
        read_reply("x", REQUEST, body)


@pytest.mark.parametrize("message", [{}, {"content": None}, {"content": ""}, {"reasoning_content": "hm"}])
def test_an_empty_answer_is_none(message: dict[str, Any]) -> None:
    with pytest.raises(BadReply, match="empty answer"):
        read_reply("x", REQUEST, completion(message))


@pytest.mark.parametrize(
    ("message", "finish_reason"),
    [({"content": None}, "tool_calls"), ({"content": ""}, "length"), ({"tool_calls": [{"id": "1"}]}, "stop")],
)
def test_an_empty_text_may_have_a_reason(message: dict[str, Any], finish_reason: str) -> None:
    assert read_reply("x", REQUEST, completion(message, finish_reason)).text == ""


def test_a_refusal_is_an_answer() -> None:
    assert read_reply("x", REQUEST, completion({"content": None, "refusal": "No."})).text == "No."


def test_a_reply_there_and_back() -> None:
    reply = Reply("4", "tiny", "stop", Usage(3, 1), 0.0, (TokenLogprob("4", -0.5, (("5", -1.0),)),))
    again = read_reply("x", REQUEST, reply_body(reply))
    assert (again.text, again.model, again.usage, again.logprobs) == ("4", "tiny", Usage(3, 1), reply.logprobs)


def piece(text: str | None = None, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    delta = {} if text is None else {"content": text}
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}], **fields}


def streamed(*bodies: Mapping[str, Any]) -> list[Chunk]:
    async def source() -> AsyncGenerator[Mapping[str, Any], None]:
        for body in bodies:
            yield body

    async def chunks() -> list[Chunk]:
        return [chunk async for chunk in read_stream("x", source())]

    return asyncio.run(chunks())


def test_the_last_chunk_has_the_usage_that_follows_it() -> None:
    finish = piece(None, "stop")
    chunks = streamed(piece("4"), finish, {"choices": [], "usage": USAGE})
    assert chunks == [Chunk("4", body=piece("4")), Chunk("", "stop", Usage(3, 1), finish)]


def test_running_usage_is_told_once() -> None:
    """The second count, of 2 tokens, is the one that stands."""
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    chunks = streamed(piece("4", usage=USAGE), piece("2", usage=usage), piece(None, "stop"))
    assert [chunk.usage for chunk in chunks] == [None, None, Usage(3, 2)]


def test_other_choices_stay_in_the_body() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "5"}, "finish_reason": "stop"}]}
    chunks = streamed(piece("4"), other, piece(None, "stop"), other)
    assert [chunk.text for chunk in chunks] == ["4", "", "", ""]
    assert [chunk.finish_reason for chunk in chunks] == [None, None, None, "stop"]
    assert chunks[1].body == other


@pytest.mark.parametrize("bodies", [[], [piece("4")], [{"choices": [], "usage": USAGE}]])
def test_a_stream_without_a_finish_reason_is_truncated(bodies: list[dict[str, Any]]) -> None:
    with pytest.raises(BadReply, match="without a finish reason"):
        streamed(*bodies)


def test_an_empty_stream_is_no_answer() -> None:
    with pytest.raises(BadReply, match="empty answer"):
        streamed(piece(""), piece(None, "stop"))


@pytest.mark.parametrize("body", [{"choices": 3}, {"choices": ["x"]}, piece(None, "")])
def test_a_malformed_piece(body: dict[str, Any]) -> None:
    with pytest.raises(BadReply, match="malformed piece"):
        read_chunk("x", body)


@pytest.mark.parametrize(
    ("delta", "expected"),
    [({"role": "assistant"}, False), ({"content": "4"}, True), ({"tool_calls": [{}]}, True), ({"content": ""}, False)],
)
def test_content_is_more_than_a_role(delta: dict[str, Any], expected: bool) -> None:
    assert has_content(read_chunk("x", {"choices": [{"delta": delta}]})) is expected


def test_a_whole_answer_as_pieces() -> None:
    """Tools that are called are numbered in pieces; usage comes with the end, and other fields are in both."""
    tool = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": None, "tool_calls": [tool]}
    choice = {"index": 0, "message": message, "logprobs": {"content": []}, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 3, "completion_tokens": 1}
    body = {"id": "x", "created": 7, "model": "big", "choices": [choice], "usage": usage}
    said, ended = reply_chunks(read_reply("far", Request("m", ()), body))
    kept = {"id": "x", "object": "chat.completion.chunk", "created": 7, "model": "big"}
    delta = {"role": "assistant", "content": None, "tool_calls": [{"index": 0, **tool}]}
    first = {"index": 0, "delta": delta, "logprobs": {"content": []}, "finish_reason": None}
    assert said == Chunk("", body={**kept, "choices": [first]})
    last = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    assert ended == Chunk("", "tool_calls", Usage(3, 1), {**kept, "choices": [last]})
