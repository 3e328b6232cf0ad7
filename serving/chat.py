"""POST /v1/chat/completions."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from anabranch.data.routing_text import routing_text
from anabranch.serving.dialect import Head
from anabranch.serving.fields import FLAG, MESSAGES, SHARED, Rule, whole
from anabranch.serving.needs import lacking
from anabranch.serving.refused import Refused
from anabranch.upstreams.chat_reply import MADE_UP_ID, chunk_bodies, reply_body, reply_chunks
from anabranch.upstreams.chat_request import read_request
from anabranch.upstreams.chat_usage import usage_body
from anabranch.upstreams.upstream import Chunk, Reply, Request, Upstream, Usage


class ChatWriter:
    """The chat.completion.chunk objects of one answer."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._fields = head.fields
        self._begun = False

    def bodies(self, chunk: Chunk, index: int) -> list[dict[str, Any]]:
        """The upstream's own object, or one made up; its usage comes later, and only to those who ask."""
        body, *_ = chunk_bodies(self._head.model, replace(chunk, usage=None))
        if body.get("id") != MADE_UP_ID:
            body.pop("usage", None)
            self._fields = {name: body.get(name, value) for name, value in self._fields.items()}
            return [body]
        if not self._begun:
            self._begun = True
            body["choices"][0]["delta"] = {"role": "assistant", **body["choices"][0]["delta"]}
        return [body | self._fields]

    def usage_body(self, usage: Usage | None, extra: Mapping[str, Any]) -> dict[str, Any]:
        """The object with the usage and without choices."""
        counts = None if usage is None else usage_body(usage)
        kind = {"object": "chat.completion.chunk"}
        return self._fields | kind | {"choices": [], "usage": counts, "anabranch": extra}


class Chat:
    """Chat completions; a body is one request."""

    id_prefix = "chatcmpl"
    rules: Mapping[str, Rule] = {
        **SHARED,
        "messages": MESSAGES,
        "logprobs": FLAG,
        "top_logprobs": whole(0, 20),
        "max_completion_tokens": whole(1),
    }
    required = ("model", "messages")

    def requests(self, body: Mapping[str, Any]) -> list[Request]:
        """The one request of a body."""
        return [read_request(body)]

    def routing_text(self, request: Request) -> str:
        """See `routing_text`."""
        try:
            return routing_text(request.messages)
        except ValueError:
            raise Refused(
                400, "messages have no text to route on; add text to a user turn, or name a model", param="messages"
            ) from None

    def obstacle(self, request: Request, upstream: Upstream) -> str | None:
        """What the upstream is known not to be able to."""
        return lacking(request, upstream.capabilities)

    async def complete(self, upstream: Upstream, request: Request) -> Reply:
        """See `Upstream.complete`."""
        return await upstream.complete(request)

    def stream(self, upstream: Upstream, request: Request) -> AsyncGenerator[Chunk, None]:
        """See `Upstream.stream`."""
        return upstream.stream(request)

    def chunks(self, reply: Reply) -> Sequence[Chunk]:
        """See `reply_chunks`."""
        return reply_chunks(reply)

    def resolved_model(self, chunk: Chunk) -> str | None:
        """The `model` of the upstream's own object."""
        model = chunk.body.get("model")
        return model if isinstance(model, str) else None

    def body(self, replies: Sequence[Reply], head: Head) -> dict[str, Any]:
        """The upstream's own object, or one made up."""
        (reply,) = replies
        body = reply_body(reply)
        return {**body, "id": head.id, "created": head.created} if body.get("id") == MADE_UP_ID else body

    def writer(self, head: Head) -> ChatWriter:
        """See `ChatWriter`."""
        return ChatWriter(head)
