"""POST /v1/completions."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, cast

from anabranch.data.routing_text import routing_text
from anabranch.serving.dialect import Head
from anabranch.serving.fields import FLAG, SHARED, Rule, whole
from anabranch.serving.refused import Refused
from anabranch.upstreams.chat_usage import usage_body
from anabranch.upstreams.text_body import read_text_requests, text_chunk_body, text_reply_body
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest, TextUpstream
from anabranch.upstreams.upstream import Upstream, Usage

MOST_PROMPTS = 256


class TextWriter:
    """The text_completion objects of one streamed answer; each prompt's offsets start at 0."""

    def __init__(self, head: Head) -> None:
        self._fields = head.fields
        self._offsets: dict[int, int] = {}

    def bodies(self, chunk: TextChunk, index: int) -> list[dict[str, Any]]:
        """The object of a piece."""
        offset = self._offsets.get(index, 0)
        # tokens count, as in a whole answer: the text of a piece waits for characters that its tokens only begin
        pieces = [token.text for token in chunk.tokens] or [chunk.text]
        self._offsets[index] = offset + sum(map(len, pieces))
        return [text_chunk_body(chunk, self._fields, index, offset)]

    def usage_body(self, usage: Usage | None, extra: Mapping[str, Any]) -> dict[str, Any]:
        """The object with the usage and without choices."""
        counts = None if usage is None else usage_body(usage)
        return self._fields | {"object": "text_completion", "choices": [], "usage": counts, "anabranch": extra}


class Completions:
    """Completions of raw text; a body may hold several prompts, and each is a request of its own."""

    id_prefix = "cmpl"
    rules: Mapping[str, Rule] = {
        **SHARED,
        "prompt": Rule(lambda value: isinstance(value, str | list), "text, token ids, or a list of either"),
        "logprobs": whole(0, 20),
        "echo": FLAG,
        "best_of": whole(1),
        "suffix": Rule(lambda value: isinstance(value, str), "text"),
    }
    required = ("model", "prompt")

    def requests(self, body: Mapping[str, Any]) -> list[TextRequest]:
        """One request a prompt."""
        try:
            requests = read_text_requests(body)
        except ValueError as error:
            raise Refused(400, str(error), param="prompt") from None
        if len(requests) > MOST_PROMPTS:
            message = f"prompt holds {len(requests)} prompts; send at most {MOST_PROMPTS} at once"
            raise Refused(400, message, param="prompt")
        return requests

    def routing_text(self, request: TextRequest) -> str:
        """The prompt, as `routing_text` shortens it."""
        if not isinstance(request.prompt, str):
            raise Refused(400, "token ids cannot be routed; send text, or name a model", param="prompt")
        try:
            return routing_text(request.prompt)
        except ValueError:
            raise Refused(400, "prompt has no text to route on; send some, or name a model", param="prompt") from None

    def obstacle(self, request: TextRequest, upstream: Upstream) -> str | None:
        """Only upstreams that complete raw text can answer, once, and with nothing to follow."""
        if not isinstance(upstream, TextUpstream):
            return "answers chats only; use /v1/chat/completions"
        wanted = request.extra
        if max(wanted.get("n", 1), wanted.get("best_of", 1)) > 1:
            return "gives one answer a prompt; leave n and best_of out, or send the prompt several times"
        return "cannot fill in before a suffix; leave suffix out" if wanted.get("suffix") else None

    async def complete(self, upstream: Upstream, request: TextRequest) -> TextReply:
        """See `TextUpstream.complete_text`."""
        return await cast(TextUpstream, upstream).complete_text(request)

    def stream(self, upstream: Upstream, request: TextRequest) -> AsyncGenerator[TextChunk, None]:
        """See `TextUpstream.stream_text`."""
        return cast(TextUpstream, upstream).stream_text(request)

    def chunks(self, reply: TextReply) -> Sequence[TextChunk]:
        """One piece, which is the end too."""
        return [TextChunk(reply.text, reply.finish_reason, reply.usage, reply.tokens)]

    def resolved_model(self, chunk: TextChunk) -> str | None:
        """Pieces of text do not say."""
        return None

    def body(self, replies: Sequence[TextReply], head: Head) -> dict[str, Any]:
        """One choice a prompt."""
        return text_reply_body(replies, head.fields)

    def writer(self, head: Head) -> TextWriter:
        """See `TextWriter`."""
        return TextWriter(head)
