"""Chat completion bodies, whole or in pieces, as replies and chunks, and back."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from anabranch.upstreams.chat_usage import read_usage, usage_body
from anabranch.upstreams.errors import BadReply, EmptyAnswer
from anabranch.upstreams.upstream import Chunk, Reply, Request, TokenLogprob, Usage

MALFORMED = (KeyError, IndexError, TypeError, ValueError, AttributeError)
MADE_UP_ID = "chatcmpl-0"  # of bodies whose upstream has none
EXPLAIN_EMPTY = {"length", "tool_calls", "function_call", "content_filter"}


def read_reply(
    upstream: str, request: Request, body: Mapping[str, Any], latency_s: float = 0.0, attempts: int = 1
) -> Reply:
    """The reply that a chat.completion object stands for; only its first choice is read.

    Raises:
        BadReply: no choice or no finish reason.
        EmptyAnswer: no answer.
        BadUsage: token counts that contradict themselves.

    >>> choice = {"message": {"content": "4"}, "finish_reason": "stop"}
    >>> read_reply("x", Request("tiny", ()), {"choices": [choice]}).text
    '4'
    """
    try:
        choice = body["choices"][0]
        message, finish_reason = choice["message"], _finish(choice["finish_reason"])
        text, logprobs = text_of(message), read_logprobs(choice)
        empty = not answers(message) and finish_reason not in EXPLAIN_EMPTY
    except MALFORMED:
        raise BadReply(upstream, "sent an answer without a well-formed first choice") from None
    usage = read_usage(upstream, body.get("usage"))
    if empty:
        raise EmptyAnswer(upstream, usage=usage)
    model = body.get("model")
    return Reply(
        text=text,
        model=model if isinstance(model, str) and model else request.model,
        finish_reason=finish_reason,
        usage=usage,
        latency_s=latency_s,
        logprobs=logprobs,
        attempts=attempts,
        body=body,
    )


def text_of(message: Mapping[str, Any]) -> str:
    """What a message or a delta says: its content, the texts of its parts, or its refusal.

    >>> text_of({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})
    'ab'
    """
    content = message.get("content") or message.get("refusal") or ""
    parts = content if isinstance(content, list) else [{"text": content}]
    return "".join(part.get("text", "") for part in parts)


def answers(message: Mapping[str, Any]) -> bool:
    """Whether a message or a delta has a text or calls a tool."""
    return bool(text_of(message) or message.get("tool_calls") or message.get("function_call"))


def read_logprobs(choice: Mapping[str, Any]) -> tuple[TokenLogprob, ...]:
    """One entry a token; none if the choice has no logprobs."""
    entries = (choice.get("logprobs") or {}).get("content") or []
    return tuple(
        TokenLogprob(
            token=entry["token"],
            logprob=float(entry["logprob"]),
            top=tuple((top["token"], float(top["logprob"])) for top in entry.get("top_logprobs") or ()),
        )
        for entry in entries
    )


def _finish(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("finish_reason must be a word")
    return value


def read_chunk(upstream: str, body: Mapping[str, Any]) -> Chunk:
    """The chunk that a chat.completion.chunk object stands for; text and finish reason of choice 0.

    Raises:
        BadReply: choices or delta of the wrong kind.
        BadUsage: token counts that contradict themselves.
    """
    try:
        choice = first_choice(body)
        finish_reason = choice.get("finish_reason")
        finish_reason = None if finish_reason is None else _finish(finish_reason)
        text = text_of(choice.get("delta") or {})
    except MALFORMED:
        raise BadReply(upstream, "sent a malformed piece of a stream") from None
    return Chunk(text, finish_reason, read_usage(upstream, body.get("usage")), body)


def first_choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Choice 0 of a piece of a stream; empty if the piece is of another choice or of none."""
    for choice in body.get("choices") or ():
        if choice.get("index", 0) == 0:
            found: Mapping[str, Any] = choice
            return found
    return {}


def has_content(chunk: Chunk) -> bool:
    """Whether a chunk tells the reader something, be it an end; a role alone is nothing.

    >>> has_content(Chunk("", body={"choices": [{"delta": {"role": "assistant", "content": ""}}]}))
    False
    """
    delta = first_choice(chunk.body).get("delta") or {}
    return bool(chunk.text or chunk.finish_reason or any(value for key, value in delta.items() if key != "role"))


async def read_stream(upstream: str, bodies: AsyncGenerator[Mapping[str, Any], None]) -> AsyncGenerator[Chunk, None]:
    """Chunks of a stream; the one with the finish reason comes last and has the usage, wherever that was sent.

    Raises:
        BadReply: the stream ends without a finish reason.
        EmptyAnswer: it ends without an answer.
    """
    last: Chunk | None = None
    usage: Usage | None = None
    answered = False
    async with aclosing(bodies):
        async for body in bodies:
            chunk = read_chunk(upstream, body)
            usage = chunk.usage or usage
            answered = answered or answers(first_choice(body).get("delta") or {})
            if chunk.finish_reason is not None:
                last = chunk
            elif last is None or body.get("choices"):
                yield replace(chunk, usage=None)
    if last is None:
        raise BadReply(upstream, "ended a stream without a finish reason")
    if not answered and last.finish_reason not in EXPLAIN_EMPTY:
        raise EmptyAnswer(upstream, usage=usage)
    yield replace(last, usage=usage)


def reply_body(reply: Reply) -> dict[str, Any]:
    """The chat.completion object of a reply; fields of its own body are kept.

    >>> reply_body(Reply("4", "tiny", "stop", None, 0.1))["choices"][0]["message"]
    {'role': 'assistant', 'content': '4'}
    """
    choice: dict[str, Any] = {
        "index": 0,
        "message": {"role": "assistant", "content": reply.text},
        "finish_reason": reply.finish_reason,
    }
    if reply.logprobs:
        choice["logprobs"] = {"content": [_logprob_body(token) for token in reply.logprobs]}
    body = {"id": MADE_UP_ID, "object": "chat.completion", "created": 0, "model": reply.model, "choices": [choice]}
    if reply.usage is not None:
        body["usage"] = usage_body(reply.usage)
    return body | dict(reply.body)


def reply_chunks(reply: Reply) -> list[Chunk]:
    """A reply in two pieces, all that it says and its end; every choice and field of its own body is kept.

    >>> [chunk.text for chunk in reply_chunks(Reply("4", "tiny", "stop", None, 0.1))]
    ['4', '']
    """
    body = {**reply_body(reply), "object": "chat.completion.chunk"}
    body.pop("usage", None)
    choices = [_said_and_ended(index, choice) for index, choice in enumerate(body["choices"])]
    said, ended = ({**body, "choices": list(pieces)} for pieces in zip(*choices, strict=True))
    return [Chunk(reply.text, body=said), Chunk("", reply.finish_reason, reply.usage, ended)]


def _said_and_ended(index: int, choice: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A choice of a whole answer as those of two pieces; pieces number the tools that are called."""
    kept = {"index": index, **{name: value for name, value in choice.items() if name != "message"}}
    delta = dict(choice["message"])
    if delta.get("tool_calls"):
        delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(delta["tool_calls"])]
    ended = {name: value for name, value in kept.items() if name != "logprobs"}
    return {**kept, "delta": delta, "finish_reason": None}, {**ended, "delta": {}}


def _logprob_body(token: TokenLogprob) -> dict[str, Any]:
    top = [{"token": text, "logprob": logprob} for text, logprob in token.top]
    body: dict[str, Any] = {"token": token.token, "logprob": token.logprob, "top_logprobs": top}
    return body | ({"by": [*token.by]} if token.by else {})


def chunk_bodies(model: str, chunk: Chunk) -> list[dict[str, Any]]:
    """The chat.completion.chunk objects of a chunk: its own, or one made up, and then one for its usage.

    >>> [len(body["choices"]) for body in chunk_bodies("tiny", Chunk("4", "stop", Usage(1, 1)))]
    [1, 0]
    """
    head = {"id": MADE_UP_ID, "object": "chat.completion.chunk", "created": 0, "model": model}
    choice = {"index": 0, "delta": {"content": chunk.text}, "finish_reason": chunk.finish_reason}
    bodies = [dict(chunk.body) or {**head, "choices": [choice]}]
    if chunk.usage is not None:
        bodies.append({**head, "choices": [], "usage": usage_body(chunk.usage)})
    return bodies
