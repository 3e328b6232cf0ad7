"""What a deferral policy sees of a reply."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import nan

from anabranch.data.token_signals import token_signals
from anabranch.routers.deferral.answered import Answered, Signal, with_signals
from anabranch.routers.deferral.state import Candidate
from anabranch.serving.dialect import R
from anabranch.upstreams.text_completion import TextReply, TextRequest, TextToken
from anabranch.upstreams.upstream import Reply, Request

KeyOf = Callable[[str], str | None]
"""Text to the canonical answer, None if it gives none."""


def candidate_of(
    model: int,
    sample: int,
    request: Request | TextRequest,
    reply: Reply | TextReply,
    cost_usd: float | None,
    key_of: KeyOf | None = None,
    signals: Sequence[Signal] = (),
    prompt: str = "",
) -> Candidate:
    """A reply as recordings keep it, so that a threshold that was fitted to them means the same.

    Args:
        model: its number.
        sample: which of its samples it is, from 0.
        request: that it answers.
        reply: the answer.
        cost_usd: what it cost; None if that is not known.
        key_of: reads the canonical answer; none is known without it.
        signals: worked out of the answer, beside those of its tokens.
        prompt: the routing text, for signals.
    """
    text, logprobs = _written(request, reply)
    (seen,) = with_signals(signals, [Answered(model, prompt, text, token_signals(logprobs))])
    return Candidate(
        model=model,
        sample=sample,
        key=None if key_of is None else key_of(text),
        signals=seen.signals,
        cost_usd=nan if cost_usd is None else cost_usd,
        latency_s=reply.latency_s,
    )


def without_logprobs(reply: R) -> R:
    """The reply for a client that did not ask for log-probabilities."""
    if isinstance(reply, TextReply):
        return replace(reply, tokens=())
    body = dict(reply.body)
    if "choices" in body:
        body["choices"] = [{**choice, "logprobs": None} for choice in body["choices"]]
    return replace(reply, logprobs=(), body=body)


def _written(request: Request | TextRequest, reply: Reply | TextReply) -> tuple[str, list[float]]:
    """What the model wrote, and the log-probability of each token; without a prompt that is only echoed."""
    if isinstance(reply, Reply):
        return reply.text, [token.logprob for token in reply.logprobs]
    echoed = request.prompt if isinstance(request, TextRequest) and request.echo else ""
    text = reply.text.removeprefix(echoed) if isinstance(echoed, str) else reply.text
    tokens = _after(reply.tokens, len(reply.text) - len(text))
    return text, [nan if token.logprob is None else token.logprob for token in tokens]


def _after(tokens: Sequence[TextToken], characters: int) -> Sequence[TextToken]:
    for place, token in enumerate(tokens):
        if characters <= 0:
            return tokens[place:]
        characters -= len(token.text)
    return ()
