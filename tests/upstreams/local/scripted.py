"""Upstreams of raw text that do as they are told, and remember what they were asked."""

from collections.abc import AsyncGenerator, Callable

from anabranch.upstreams.errors import BadRequest, Closed, UpstreamError
from anabranch.upstreams.text_completion import CompletesText, TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Capabilities, Chunk, Reply, Request

Answers = Callable[[TextRequest], TextReply | UpstreamError]


class Scripted:
    """Answers each request for text with what a function makes of it."""

    def __init__(self, answers: Answers, capabilities: Capabilities | None = None) -> None:
        self.name = "far"
        self.capabilities = capabilities or Capabilities()
        self.answers = answers
        self.requests: list[TextRequest] = []
        self.closed = False

    async def complete_text(self, request: TextRequest) -> TextReply:
        if self.closed:
            raise Closed(self.name, "was closed")
        self.requests.append(request)
        answer = self.answers(request)
        if isinstance(answer, UpstreamError):
            raise answer
        return answer

    async def complete(self, request: Request) -> Reply:
        raise BadRequest(self.name, "completes text only")

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        raise BadRequest(self.name, "completes text only")

    async def close(self) -> None:
        self.closed = True


class Between:
    """Passes requests on to another upstream, and remembers them; some get an error instead."""

    def __init__(self, upstream: CompletesText, fault: Callable[[TextRequest], UpstreamError | None]) -> None:
        self.name, self.capabilities = "far", Capabilities()
        self._upstream, self._fault = upstream, fault
        self.requests: list[TextRequest] = []

    async def complete_text(self, request: TextRequest) -> TextReply:
        self.requests.append(request)
        fault = self._fault(request)
        if fault is not None:
            raise fault
        return await self._upstream.complete_text(request)

    async def complete(self, request: Request) -> Reply:
        raise BadRequest(self.name, "completes text only")

    def stream(self, request: Request) -> AsyncGenerator[Chunk, None]:
        raise BadRequest(self.name, "completes text only")

    async def close(self) -> None:
        await self._upstream.close()  # type: ignore[attr-defined]


def reply(*tokens: TextToken, finish_reason: str = "length") -> TextReply:
    """A reply of these tokens."""
    return TextReply("".join(token.text for token in tokens), "tiny", finish_reason, None, 0.0, tokens)
