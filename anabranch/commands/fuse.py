"""anabranch fuse"""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from anabranch.commands.answer import Answer
from anabranch.commands.fusion_settings import Given, fusion_settings
from anabranch.serving.fusion.during.fused_model import FusedModel
from anabranch.upstreams.chat_reply import first_choice, read_logprobs
from anabranch.upstreams.chat_usage import usage_body
from anabranch.upstreams.text_completion import TextChunk, TextRequest
from anabranch.upstreams.upstream import Chunk, Request, Usage

NAME = "fusion"
INTERRUPTED = 130
_END = {"stop": "ended by itself", "length": "as long as was allowed", "interrupted": "interrupted", None: "unfinished"}


def fuse(
    prompt: str = "-",
    *,
    method: str,
    models: list[str],
    set: dict[str, Given] = {},  # noqa: B006 - the parser copies it
    weights: list[float] | None = None,
    max_tokens: int | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    seed: int | None = None,
    raw: bool = False,
    json: bool = False,
    device: str = "auto",
    dtype: str = "float32",
) -> Answer:
    """Let several models of this machine write one answer together, token by token; it is shown as it is written.

    Args:
        prompt: the user's text; - reads it from standard input.
        method: how they decide on a token, as `anabranch methods --stage during` lists them.
        models: two or more: folders, ids on the hub, or pocket models.
        set: a setting of the method, NAME=VALUE; as often as needed.
        weights: of the models; equal ones if not given.
        max_tokens: of the answer; 256, or what the models have room for, if not given.
        temperature: 0 = greedy.
        top_p: draw from the fewest likeliest tokens that together reach this probability.
        seed: of the draws.
        raw: continue the prompt as plain text rather than answer it as a chat.
        json: print one object when all is written, and nothing before.
        device: such as cpu or cuda:1; auto for a GPU if there is one.
        dtype: float32, bfloat16 or float16; auto for what the weights were saved as.
    """
    settings = fusion_settings(method, set)
    how: dict[str, Any] = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed}
    how |= {"top_logprobs": 0, "extra": {"top_p": top_p}}  # one log-probability a token: so they can be counted
    written = _Written()
    try:
        model = FusedModel(NAME, models, method=method, settings=settings, weights=weights, device=device, dtype=dtype)
        request = _request(_text(prompt), raw, how)
        asyncio.run(_write(model, request, written, _silent if json else _shown))
    except KeyboardInterrupt:
        written.finish_reason = "interrupted"
    if not json:
        print(flush=True)
    print(_told(written, models), file=sys.stderr)
    return Answer(None, written.data(), INTERRUPTED if written.finish_reason == "interrupted" else 0)


@dataclass
class _Written:
    """What was written so far, how many tokens that took, and how long."""

    pieces: list[str] = field(default_factory=list)
    tokens: int = 0
    finish_reason: str | None = None
    usage: Usage | None = None
    began_s: float = field(default_factory=time.monotonic)
    ended_s: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the models were there."""
        return self.ended_s - self.began_s

    def take(self, chunk: Chunk | TextChunk) -> None:
        """Append a piece."""
        self.pieces.append(chunk.text)
        self.tokens += _tokens(chunk)
        self.finish_reason, self.usage = chunk.finish_reason, chunk.usage
        self.ended_s = time.monotonic()

    def data(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "text": "".join(self.pieces),
            "finish_reason": self.finish_reason,
            "usage": None if self.usage is None else usage_body(self.usage),
            "tokens": self.tokens,
            "seconds": self.seconds,
        }


def _text(prompt: str) -> str:
    """The prompt, or standard input without its last line end."""
    if prompt != "-":
        return prompt
    if sys.stdin.isatty():
        print("the prompt, and Ctrl-D behind it:", file=sys.stderr)
    text = sys.stdin.read().removesuffix("\n")
    if not text:
        raise ValueError("standard input is empty; give the prompt as the last word, or write it there")
    return text


def _request(prompt: str, raw: bool, how: dict[str, Any]) -> Request | TextRequest:
    if raw:
        return TextRequest(NAME, prompt, **how)
    return Request(NAME, ({"role": "user", "content": prompt},), **how)


async def _write(
    model: FusedModel, request: Request | TextRequest, written: _Written, show: Callable[[str], None]
) -> None:
    try:
        await _loaded(model)
        written.began_s = time.monotonic()
        async with aclosing(_stream(model, request)) as chunks:
            async for chunk in chunks:
                written.take(chunk)
                show(chunk.text)
    finally:
        await model.close()


async def _loaded(model: FusedModel) -> None:
    try:
        await model.start()
    except (ValueError, OSError):
        raise
    except Exception as error:  # a model's own code may raise anything
        raise ValueError(f"the models could not be loaded: {error}") from error


def _stream(model: FusedModel, request: Request | TextRequest) -> AsyncGenerator[Chunk | TextChunk, None]:
    return model.stream_text(request) if isinstance(request, TextRequest) else model.stream(request)


def _tokens(chunk: Chunk | TextChunk) -> int:
    return len(chunk.tokens if isinstance(chunk, TextChunk) else read_logprobs(first_choice(chunk.body)))


def _shown(text: str) -> None:
    print(text, end="", flush=True)


def _silent(text: str) -> None:
    return


def _told(written: _Written, models: Sequence[str]) -> str:
    """One line: tokens, seconds, and what the models computed as far as it is known."""
    rate = written.tokens / written.seconds if written.seconds else 0.0
    line = f"{_count(written.tokens)} in {written.seconds:.2f} s ({rate:.0f} tokens/s), {_END[written.finish_reason]}"
    return line if written.usage is None else f"{line}; {_computed(written, written.usage, models)}"


def _computed(written: _Written, usage: Usage, models: Sequence[str]) -> str:
    steps = written.tokens + (written.finish_reason == "stop")  # the end of a text is decided on like a token
    together = f"read {usage.prompt_tokens} of prompt together"
    if usage.completion_tokens == steps * len(models):
        return f"{', '.join(models)} computed {_count(steps)} each, and {together}"
    whose = "whose they were is not counted"
    return f"{', '.join(models)} computed {_count(usage.completion_tokens)} in all ({whose}), and {together}"


def _count(tokens: int) -> str:
    return f"{tokens} token" if tokens == 1 else f"{tokens} tokens"
