"""Bodies of POST /completions as text requests, replies and chunks, and back."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from anabranch.upstreams.chat_reply import MALFORMED
from anabranch.upstreams.chat_usage import read_usage, total_usage, usage_body
from anabranch.upstreams.errors import BadReply
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest, TextToken

NAMED = {"model", "prompt", "max_tokens", "temperature", "stop", "seed", "logprobs", "echo"}
STREAM = {"stream", "stream_options"}
LEAST_LOGPROB = -9999.0  # JSON has no infinity

Prompt = str | tuple[int, ...]


def prompts_of(prompt: object) -> list[Prompt]:
    """The prompts of a body: it holds one text, the ids of one, or a list of either.

    Raises:
        ValueError: it is none of these.

    >>> prompts_of("hi"), prompts_of([1, 2]), prompts_of([[1, 2], "hi"])
    (['hi'], [(1, 2)], [(1, 2), 'hi'])
    """
    if isinstance(prompt, str):
        return [prompt]
    if not isinstance(prompt, list) or not prompt:
        raise ValueError("prompt must be text, a list of token ids, or a list of either")
    if type(prompt[0]) is int:
        return [_ids(prompt)]
    return [one if isinstance(one, str) else _ids(one) for one in prompt]


def _ids(prompt: object) -> tuple[int, ...]:
    if not isinstance(prompt, list) or not prompt or any(type(token) is not int or token < 0 for token in prompt):
        raise ValueError("a prompt that is no text must be a list of token ids, each a whole number of at least 0")
    return tuple(prompt)


def read_text_requests(body: Mapping[str, Any]) -> list[TextRequest]:
    """One request for each prompt of a body, without how it wants its answer delivered.

    Raises:
        ValueError: see `prompts_of`.

    >>> [one.prompt for one in read_text_requests({"model": "tiny", "prompt": ["a", "b"], "logprobs": 1})]
    ['a', 'b']
    """
    stop = body.get("stop") or ()
    return [
        TextRequest(
            model=body["model"],
            prompt=prompt,
            max_tokens=body.get("max_tokens"),
            temperature=body.get("temperature"),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
            seed=body.get("seed"),
            top_logprobs=body.get("logprobs"),
            echo=bool(body.get("echo")),
            extra={key: value for key, value in body.items() if key not in NAMED | STREAM},
        )
        for prompt in prompts_of(body["prompt"])
    ]


def text_request_body(request: TextRequest, stream: bool = False) -> dict[str, Any]:
    """The JSON object to send; fields that the request names win over the same fields in `extra`.

    >>> text_request_body(TextRequest("tiny", (5, 7), echo=True))
    {'model': 'tiny', 'prompt': [5, 7], 'echo': True}
    """
    named: dict[str, Any] = {
        "model": request.model,
        "prompt": request.prompt if isinstance(request.prompt, str) else list(request.prompt),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "logprobs": request.top_logprobs,
        "echo": request.echo or None,
    }
    extra = {key: value for key, value in request.extra.items() if key not in STREAM}
    streamed = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    return extra | {key: value for key, value in named.items() if value is not None} | streamed


def text_reply_body(replies: Sequence[TextReply], head: Mapping[str, Any]) -> dict[str, Any]:
    """The text_completion object of one reply a prompt.

    Args:
        replies: in the order of the prompts.
        head: id, created and model.

    >>> text_reply_body([TextReply("4", "tiny", "stop", None, 0.1)], {"id": "cmpl-1"})["choices"]
    [{'index': 0, 'text': '4', 'logprobs': None, 'finish_reason': 'stop'}]
    """
    choices = [_choice(index, reply.text, reply.tokens, reply.finish_reason, 0) for index, reply in enumerate(replies)]
    body = {"object": "text_completion", **head, "choices": choices}
    usage = total_usage([reply.usage for reply in replies])
    return body if usage is None else {**body, "usage": usage_body(usage)}


def text_chunk_body(chunk: TextChunk, head: Mapping[str, Any], index: int = 0, offset: int = 0) -> dict[str, Any]:
    """The text_completion object of a piece.

    Args:
        chunk: the piece; its usage is left out.
        head: id, created and model.
        index: of its prompt among several.
        offset: characters that came before it.
    """
    choice = _choice(index, chunk.text, chunk.tokens, chunk.finish_reason, offset)
    return {"object": "text_completion", **head, "choices": [choice]}


def _choice(
    index: int, text: str, tokens: Sequence[TextToken], finish_reason: str | None, offset: int
) -> dict[str, Any]:
    logprobs = logprobs_body(tokens, offset) if tokens else None
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": finish_reason}


def logprobs_body(tokens: Sequence[TextToken], offset: int = 0) -> dict[str, Any]:
    """OpenAI's older logprobs object; offsets are characters from the start of the text.

    The token itself is among its alternatives, likely or not, and of several that read alike the likeliest counts.

    >>> body = logprobs_body([TextToken("It", None), TextToken(" is", -0.5, ((" was", -0.25),))])
    >>> body["token_logprobs"], body["text_offset"]
    ([None, -0.5], [0, 2])
    >>> body["top_logprobs"]
    [None, {' was': -0.25, ' is': -0.5}]
    """
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [None if token.logprob is None else max(token.logprob, LEAST_LOGPROB) for token in tokens],
        "top_logprobs": [_alternatives(token) for token in tokens],
        "text_offset": list(accumulate((len(token.text) for token in tokens[:-1]), initial=offset)),
    }


def _alternatives(token: TextToken) -> dict[str, float] | None:
    if token.logprob is None:
        return None
    found: dict[str, float] = {}
    for text, logprob in (*token.top, (token.text, token.logprob)):
        found[text] = max(logprob, LEAST_LOGPROB, found.get(text, LEAST_LOGPROB))
    return found


def read_text_reply(
    upstream: str, request: TextRequest, body: Mapping[str, Any], latency_s: float = 0.0, attempts: int = 1
) -> TextReply:
    """The reply that a text_completion object stands for; only its first choice is read.

    Raises:
        BadReply: no well-formed choice.
        BadUsage: token counts that contradict themselves.
    """
    chunk = read_text_chunk(upstream, body)
    if chunk.finish_reason is None:
        raise BadReply(upstream, "sent a completion without a finish reason")
    model = body.get("model")
    return TextReply(
        text=chunk.text,
        model=model if isinstance(model, str) and model else request.model,
        finish_reason=chunk.finish_reason,
        usage=chunk.usage,
        latency_s=latency_s,
        tokens=chunk.tokens,
        attempts=attempts,
    )


def read_text_chunk(upstream: str, body: Mapping[str, Any]) -> TextChunk:
    """The piece that a text_completion object stands for; empty if it has no choice, as the one with the usage.

    Raises:
        BadReply: a choice that is not well-formed.
        BadUsage: token counts that contradict themselves.
    """
    try:
        choice = (body["choices"] or [{"text": ""}])[0]
        text, finish_reason, tokens = choice["text"], choice.get("finish_reason"), _tokens(choice)
        if not isinstance(text, str) or not isinstance(finish_reason, str | None):
            raise TypeError
    except MALFORMED:
        raise BadReply(upstream, "sent a completion without a well-formed first choice") from None
    return TextChunk(text, finish_reason, read_usage(upstream, body.get("usage")), tokens)


def _tokens(choice: Mapping[str, Any]) -> tuple[TextToken, ...]:
    logprobs = choice.get("logprobs") or {"tokens": (), "token_logprobs": ()}
    texts, values = logprobs["tokens"], logprobs["token_logprobs"]
    tops = logprobs.get("top_logprobs") or [None] * len(texts)
    return tuple(
        TextToken(text, None if value is None else float(value), _top(top or {}))
        for text, value, top in zip(texts, values, tops, strict=True)
    )


def _top(top: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    return tuple((text, float(logprob)) for text, logprob in top.items())
