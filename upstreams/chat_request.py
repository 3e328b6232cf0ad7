"""A request as the body of POST /chat/completions, and back."""

from collections.abc import Mapping
from typing import Any

import orjson

from anabranch.upstreams.upstream import Request

NAMED = {"model", "messages", "max_tokens", "temperature", "stop", "seed", "logprobs", "top_logprobs"}
STREAM = {"stream", "stream_options"}


def request_body(request: Request, stream: bool = False) -> dict[str, Any]:
    """The JSON object to send; fields that the request names win over the same fields in `extra`.

    >>> request_body(Request("tiny", ({"role": "user", "content": "hi"},), max_tokens=5, extra={"user": "u1"}))
    {'user': 'u1', 'model': 'tiny', 'messages': [{'role': 'user', 'content': 'hi'}], 'max_tokens': 5}
    """
    named: dict[str, Any] = {
        "model": request.model,
        "messages": list(request.messages),
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "logprobs": None if request.top_logprobs is None else True,
        "top_logprobs": request.top_logprobs or None,
    }
    extra = {key: value for key, value in request.extra.items() if key not in STREAM}
    body = extra | {key: value for key, value in named.items() if value is not None}
    if stream:
        options = request.extra.get("stream_options") or {}
        body |= {"stream": True, "stream_options": {**options, "include_usage": True}}
    return body


def request_bytes(body: Mapping[str, Any]) -> bytes:
    """JSON; any mapping is an object.

    Raises:
        TypeError: a value that JSON cannot hold.
    """
    return orjson.dumps(body, default=dict)


def read_request(body: Mapping[str, Any]) -> Request:
    """The request that a body stands for, without how it wants its answer delivered.

    >>> read_request({"model": "tiny", "messages": [], "stop": "x", "stream": True, "user": "u1"}).extra
    {'user': 'u1'}
    """
    stop = body.get("stop") or ()
    return Request(
        model=body["model"],
        messages=tuple(body["messages"]),
        max_tokens=body.get("max_tokens"),
        temperature=body.get("temperature"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=body.get("seed"),
        top_logprobs=body.get("top_logprobs", 0) if body.get("logprobs") else None,
        extra={key: value for key, value in body.items() if key not in NAMED | STREAM},
    )
