"""Continuations of raw text, and the log-probabilities of prompts."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedModel

from anabranch.upstreams.errors import BadRequest
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.pocket.frozen import check_frozen
from anabranch.upstreams.text_completion import TextChunk, TextReply, TextRequest, TextUpstream
from anabranch.upstreams.upstream import Usage
from tests.upstreams.local import tiny

PROMPT = "Ünder the bridge"
IDS = tuple(tiny.byte_tokenizer().encode(PROMPT))


def complete(folder: Path, *requests: TextRequest, **settings: Any) -> list[TextReply]:
    async def ask() -> list[TextReply]:
        local = LocalModel("tiny", folder, **settings)
        try:
            return await asyncio.gather(*(local.complete_text(request) for request in requests))
        finally:
            await local.close()

    return asyncio.run(ask())


def streamed(folder: Path, request: TextRequest) -> list[TextChunk]:
    async def listen() -> list[TextChunk]:
        local = LocalModel("tiny", folder)
        try:
            return [chunk async for chunk in local.stream_text(request)]
        finally:
            await local.close()

    return asyncio.run(listen())


def prompt_logprobs(model: PreTrainedModel, ids: tuple[int, ...]) -> list[float]:
    """Log-probability of each token but the first, after those before it."""
    after = tiny.logprobs(model, ids)
    return [after[at, token].item() for at, token in enumerate(ids[1:])]


def test_it_is_a_text_upstream(folder: Path) -> None:
    upstream: TextUpstream = LocalModel("tiny", folder)
    assert upstream is not None


def test_text_and_its_ids_are_the_same_prompt(folder: Path, llama: PreTrainedModel) -> None:
    from_text, from_ids = complete(folder, TextRequest("tiny", PROMPT, 12), TextRequest("tiny", IDS, 12))
    expected = tiny.byte_tokenizer().decode(tiny.greedy(llama, IDS, 12), skip_special_tokens=True)
    assert from_text.text == from_ids.text == expected
    assert from_text.usage == from_ids.usage == Usage(17, 12)
    assert from_text.tokens == ()


@pytest.mark.parametrize("prompt", [PROMPT, IDS], ids=["text", "ids"])
@pytest.mark.parametrize("prefill_tokens", [512, 5])
def test_scoring_a_prompt(folder: Path, llama: PreTrainedModel, prompt: Any, prefill_tokens: int) -> None:
    request = TextRequest("tiny", prompt, max_tokens=0, top_logprobs=2, echo=True)
    (reply,) = complete(folder, request, prefill_tokens=prefill_tokens)
    assert (reply.text, reply.finish_reason, reply.usage) == (PROMPT, "length", Usage(17, 0))
    assert "".join(token.text for token in reply.tokens) == PROMPT
    first, *others = reply.tokens
    assert (first.logprob, first.top) == (None, ())
    assert [token.logprob for token in others] == pytest.approx(prompt_logprobs(llama, IDS), abs=1e-4)
    best = tiny.logprobs(llama, IDS)[:-1].max(dim=-1).values.tolist()
    assert [token.top[0][1] for token in others] == pytest.approx(best, abs=1e-4)
    assert all(len(token.top) == 2 for token in others)


def test_prompts_of_different_lengths_are_scored_together(folder: Path, llama: PreTrainedModel) -> None:
    prompts = [IDS[:length] for length in (1, 9, 3, 17, 2)]
    requests = [TextRequest("tiny", prompt, max_tokens=0, top_logprobs=0, echo=True) for prompt in prompts]
    for prompt, reply in zip(prompts, complete(folder, *requests), strict=True):
        assert reply.tokens[0].logprob is None
        scores = [token.logprob for token in reply.tokens[1:]]
        assert scores == pytest.approx(prompt_logprobs(llama, prompt), abs=1e-4)


def test_echo_comes_before_the_completion(folder: Path) -> None:
    request = TextRequest("tiny", PROMPT, max_tokens=20, top_logprobs=1)
    plain, echoed = complete(folder, request, replace(request, echo=True))
    assert echoed.text == PROMPT + plain.text
    assert len(echoed.tokens) == 17 + 20
    assert "".join(token.text for token in echoed.tokens) == echoed.text
    after = [token.logprob for token in echoed.tokens[17:]]
    assert after == pytest.approx([token.logprob for token in plain.tokens], abs=1e-4)


def test_echo_without_log_probabilities_has_no_tokens(folder: Path) -> None:
    (reply,) = complete(folder, TextRequest("tiny", PROMPT, max_tokens=0, echo=True))
    assert (reply.text, reply.tokens) == (PROMPT, ())


@pytest.mark.parametrize("echo", [False, True])
def test_a_stream_says_the_same(folder: Path, echo: bool) -> None:
    request = TextRequest("tiny", PROMPT, 40, temperature=1.0, seed=3, stop=("e", "1"), top_logprobs=1, echo=echo)
    chunks, (reply,) = streamed(folder, request), complete(folder, request)
    assert "".join(chunk.text for chunk in chunks) == reply.text
    assert (chunks[-1].finish_reason, chunks[-1].usage) == (reply.finish_reason, reply.usage)
    tokens = [token for chunk in chunks for token in chunk.tokens]
    assert [token.text for token in tokens] == [token.text for token in reply.tokens]


def test_a_continuation_may_be_empty(folder: Path) -> None:
    (reply,) = complete(folder, TextRequest("tiny", PROMPT, max_tokens=0))
    assert (reply.text, reply.finish_reason) == ("", "length")


@pytest.mark.parametrize(
    ("prompt", "says"),
    [
        ("", "empty prompt; it must have one token at least"),
        ((1, 264), "token ids outside its vocabulary, 0 to 263"),
        ((-1,), "token ids outside its vocabulary"),
        ("\ud800", "half a surrogate pair"),
    ],
)
def test_prompts_that_cannot_be_read(folder: Path, prompt: Any, says: str) -> None:
    with pytest.raises(BadRequest, match=says):
        complete(folder, TextRequest("tiny", prompt, 5))


def test_tokens_are_named_by_their_ids_where_that_is_wanted(folder: Path, llama: PreTrainedModel) -> None:
    """Bytes from 128 on read alike; their ids do not."""
    request = TextRequest("tiny", IDS, 1, echo=True, top_logprobs=264, extra={"return_tokens_as_token_ids": True})
    (reply,) = complete(folder, request)
    assert [token.text for token in reply.tokens[:-1]] == [f"token_id:{token}" for token in IDS]
    after = tiny.logprobs(llama, IDS)[-1]
    top = {int(name.removeprefix("token_id:")): logprob for name, logprob in reply.tokens[-1].top}
    assert top == {token: pytest.approx(logprob, abs=1e-4) for token, logprob in enumerate(after.tolist())}


def test_a_text_goes_on_over_its_end_where_that_is_wanted() -> None:
    """What the model thinks of the end is then said like that of any token."""
    owl = check_frozen("pocket-owl")
    prompt = "<|user|>What is 3 + 4?<|end|><|assistant|>7"
    ended, went_on = complete(
        owl,
        *(TextRequest("tiny", prompt, 1, top_logprobs=1, extra=extra) for extra in ({}, {"ignore_eos": True})),
    )
    assert (ended.finish_reason, ended.tokens) == ("stop", ())
    assert went_on.finish_reason == "length" and went_on.tokens[0].top[0][0] == "<|end|>"
