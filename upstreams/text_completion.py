"""The completion contract: raw text in, its continuation out, with the log-probabilities of either."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from anabranch.upstreams.upstream import Usage


@dataclass(frozen=True)
class TextRequest:
    """A completion to ask for; None leaves a choice to the upstream.

    Args:
        model: name at the upstream.
        prompt: text, or the ids of its tokens; no chat template is applied.
        max_tokens: of the completion; 0 with `echo` scores the prompt and writes nothing.
        temperature: 0 = greedy.
        stop: strings that end the completion.
        seed: for upstreams that can repeat themselves.
        top_logprobs: alternatives wanted a token; None for no log-probabilities, 0 for those of the tokens alone.
        echo: give the prompt back before the completion, with its log-probabilities if they are asked for.
        extra: any other field of the request body, passed through unread.
    """

    model: str
    prompt: str | tuple[int, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    top_logprobs: int | None = None
    echo: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TextToken:
    """One token of a prompt or a completion.

    Args:
        text: the characters it adds.
        logprob: natural log of its probability; None for the first of a prompt, which nothing predicts.
        top: the likeliest tokens in its place and their log-probabilities.
    """

    text: str
    logprob: float | None
    top: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class TextReply:
    """A whole completion.

    Args:
        text: the completion, after the prompt if that was to be echoed.
        model: that really answered.
        finish_reason: stop or length.
        usage: as counted by the upstream; None if it does not say.
        latency_s: from sending to the last byte, retries included.
        tokens: one entry a token of `text`, if log-probabilities were asked for.
        attempts: requests sent, the successful one included.
    """

    text: str
    model: str
    finish_reason: str
    usage: Usage | None
    latency_s: float
    tokens: tuple[TextToken, ...] = ()
    attempts: int = 1


@dataclass(frozen=True)
class TextChunk:
    """A piece of a streamed completion; the last one has a finish reason and the usage."""

    text: str
    finish_reason: str | None = None
    usage: Usage | None = None
    tokens: tuple[TextToken, ...] = ()


@runtime_checkable
class CompletesText(Protocol):
    """An upstream that completes raw text, if only as a whole; errors are `UpstreamError`s."""

    async def complete_text(self, request: TextRequest) -> TextReply:
        """The whole completion."""


@runtime_checkable
class TextUpstream(CompletesText, Protocol):
    """An upstream that also completes raw text; errors are `UpstreamError`s."""

    def stream_text(self, request: TextRequest) -> AsyncGenerator[TextChunk, None]:
        """The completion in pieces, as `Upstream.stream`."""
