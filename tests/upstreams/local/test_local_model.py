"""Chats with a local model: what is said, what it costs, and who else is there."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, TypeVar

import pytest
import torch
from transformers import PreTrainedModel

from anabranch.upstreams.chat_reply import read_chunk, read_logprobs
from anabranch.upstreams.errors import BadRequest, Closed, ContextTooLong, EmptyAnswer, Overloaded, UnknownModel
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.upstream import Chunk, Reply, Request, Upstream, Usage
from tests.upstreams.local import tiny

T = TypeVar("T")
ASK = Request("tiny", ({"role": "user", "content": "2 + 2?"},), max_tokens=20)
LAID_OUT = tuple(tiny.byte_tokenizer().encode("u:2 + 2?\na:"))


def asked(text: str, **settings: Any) -> Request:
    return Request("tiny", ({"role": "user", "content": text},), **settings)


def run(local: LocalModel, use: Callable[[LocalModel], Coroutine[Any, Any, T]]) -> T:
    """Use a local model and close it."""

    async def main() -> T:
        try:
            return await use(local)
        finally:
            await local.close()

    return asyncio.run(main())


def complete(folder: Path, *requests: Request, **settings: Any) -> list[Reply]:
    """The replies to requests that come at once."""

    async def ask(local: LocalModel) -> list[Reply]:
        return await asyncio.gather(*(local.complete(request) for request in requests))

    return run(LocalModel("tiny", folder, **settings), ask)


def streamed(folder: Path, *requests: Request) -> list[list[Chunk]]:
    async def listen(local: LocalModel, request: Request) -> list[Chunk]:
        return [chunk async for chunk in local.stream(request)]

    async def ask(local: LocalModel) -> list[list[Chunk]]:
        return await asyncio.gather(*(listen(local, request) for request in requests))

    return run(LocalModel("tiny", folder), ask)


def raises(folder: Path, request: Request, **settings: Any) -> Exception:
    with pytest.raises(Exception) as caught:
        complete(folder, request, **settings)
    return caught.value


def text_of(ids: Sequence[int]) -> str:
    return str(tiny.byte_tokenizer().decode(list(ids), skip_special_tokens=True))


def test_it_is_an_upstream(folder: Path) -> None:
    upstream: Upstream = LocalModel("tiny", folder)
    assert upstream.name == "tiny"
    assert upstream.capabilities.context_window == tiny.WINDOW
    assert upstream.capabilities.logprobs
    assert upstream.capabilities.prompt_logprobs


def test_greedy_is_what_full_forwards_say(folder: Path, llama: PreTrainedModel) -> None:
    """11 bytes are laid out: 'u:', the 6 of the question, the line's end and 'a:'."""
    (reply,) = complete(folder, ASK)
    assert reply.text == text_of(tiny.greedy(llama, LAID_OUT, 20))
    assert reply.usage == Usage(len(LAID_OUT), 20) == Usage(11, 20)
    assert (reply.model, reply.finish_reason, reply.attempts) == ("tiny", "length", 1)
    assert reply.latency_s > 0


@pytest.mark.parametrize("build", [tiny.llama, tiny.qwen2, tiny.gpt2], ids=["llama", "qwen2", "gpt2"])
def test_greedy_is_what_generate_says(build: Callable[[], PreTrainedModel], tmp_path: Path) -> None:
    model: Any = tiny.made(build)
    ids = torch.tensor([LAID_OUT])
    generated = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=40, do_sample=False)
    (reply,) = complete(tiny.saved(tmp_path, model), asked("2 + 2?", max_tokens=40))
    assert reply.text == text_of(generated[0, ids.shape[1] :].tolist())


@pytest.mark.parametrize("build", [tiny.llama, tiny.qwen2, tiny.gpt2, tiny.sliding])
def test_an_answer_does_not_depend_on_the_others(build: Callable[[], PreTrainedModel], tmp_path: Path) -> None:
    """Thirty calls of different lengths, greedy and drawn, in batches of 8 and one after another."""
    folder = tiny.saved(tmp_path, tiny.made(build))
    requests = [
        asked("x" * (7 * i % 40), max_tokens=1 + 5 * i % 23, seed=i, temperature=i % 3 / 2, top_logprobs=2)
        for i in range(30)
    ]
    together = complete(folder, *requests, max_batch=8, prefill_tokens=64)
    alone = complete(folder, *requests, max_batch=1)
    for reply, lone in zip(together, alone, strict=True):
        assert (reply.text, reply.finish_reason, reply.usage) == (lone.text, lone.finish_reason, lone.usage)
        said, lonely = ([token.logprob for token in one.logprobs] for one in (reply, lone))
        assert said == pytest.approx(lonely, abs=1e-4)


def test_a_hundred_calls_at_once(folder: Path, llama: PreTrainedModel) -> None:
    requests = [asked(f"{i}", max_tokens=1 + i % 6) for i in range(100)]
    for reply, request in zip(complete(folder, *requests, max_batch=8), requests, strict=True):
        prompt = tiny.byte_tokenizer().encode(f"u:{request.messages[0]['content']}\na:")
        assert reply.text == text_of(tiny.greedy(llama, prompt, request.max_tokens or 0))


def test_a_stream_says_the_same(folder: Path) -> None:
    requests = [asked("é" * i, max_tokens=40, temperature=1.0, seed=i, stop=("e", " t")) for i in range(8)]
    for chunks, reply in zip(streamed(folder, *requests), complete(folder, *requests), strict=True):
        assert "".join(chunk.text for chunk in chunks) == reply.text
        assert (chunks[-1].finish_reason, chunks[-1].usage) == (reply.finish_reason, reply.usage)
        assert all((chunk.finish_reason, chunk.usage) == (None, None) for chunk in chunks[:-1])
        assert all(chunk.text for chunk in chunks[:-1])


def test_a_stream_has_its_log_probabilities_in_its_chunks(folder: Path) -> None:
    request = asked("hi", max_tokens=12, top_logprobs=1)
    (chunks,), (reply,) = streamed(folder, request), complete(folder, request)
    bodies = [chunk.body for chunk in chunks]
    assert tuple(token for body in bodies if body for token in read_logprobs(body["choices"][0])) == reply.logprobs
    assert "".join(read_chunk("tiny", body).text for body in bodies if body) == reply.text


def test_log_probabilities_are_those_of_the_untempered_model(folder: Path, llama: PreTrainedModel) -> None:
    """ASCII alone is checked, where a byte is a character; the draws are made at temperature 0.5."""
    (reply,) = complete(folder, asked("2 + 2?", max_tokens=20, temperature=0.5, seed=1, top_logprobs=3))
    tokenizer, ids = tiny.byte_tokenizer(), list(LAID_OUT)
    for token in reply.logprobs:
        after = tiny.logprobs(llama, ids)[-1]
        best = after.topk(3)
        assert [logprob for _, logprob in token.top] == pytest.approx(best.values.tolist(), abs=1e-4)
        if not token.token.isascii():
            break
        (chosen,) = tokenizer.encode(token.token)
        assert token.logprob == pytest.approx(after[chosen].item(), abs=1e-4)
        ids.append(chosen)
    assert len(reply.logprobs) == 20


def test_a_seed_repeats_itself(folder: Path) -> None:
    one, same, other = complete(folder, *(asked("hi", max_tokens=30, temperature=1.0, seed=s) for s in (5, 5, 6)))
    assert one.text == same.text != other.text


def test_top_p_of_almost_nothing_is_greedy(folder: Path) -> None:
    narrow = asked("hi", max_tokens=30, temperature=1.0, extra={"top_p": 1e-6})
    drawn, greedy = complete(folder, narrow, asked("hi", max_tokens=30))
    assert drawn.text == greedy.text


def test_a_stop_string_across_tokens(folder: Path, llama: PreTrainedModel) -> None:
    """Tokens are bytes: the string is the first two that follow another whole character."""
    said = tiny.greedy(llama, LAID_OUT, 60)
    at = next(at for at in range(1, 58) if all(text_of([token]).isascii() for token in said[at - 1 : at + 2]))
    stops = ("never", text_of(said[at : at + 2]))
    (reply,) = complete(folder, asked("2 + 2?", max_tokens=60, stop=stops, top_logprobs=0))
    assert reply.text == text_of(said[:at])
    assert (reply.finish_reason, reply.usage) == ("stop", Usage(11, at + 2))
    assert len(reply.logprobs) == at


def ending(folder: Path, llama: PreTrainedModel, token: int) -> Path:
    """The same model, for which a certain token ends a text."""
    before = llama.generation_config.eos_token_id
    llama.generation_config.eos_token_id = token
    try:
        return tiny.saved(folder, llama)
    finally:
        llama.generation_config.eos_token_id = before


def test_the_end_of_text_counts_as_a_token_and_is_no_text(tmp_path: Path, llama: PreTrainedModel) -> None:
    said = tiny.greedy(llama, LAID_OUT, 20)
    at = next(i for i in range(3, 20) if said[i] not in said[:i])
    (reply,) = complete(ending(tmp_path, llama, said[at]), asked("2 + 2?", max_tokens=20, top_logprobs=0))
    assert reply.text == text_of(said[:at])
    assert reply.finish_reason == "stop"
    assert reply.usage == Usage(11, at + 1)
    assert len(reply.logprobs) == at


def test_an_answer_that_ends_at_once_is_an_error(tmp_path: Path, llama: PreTrainedModel) -> None:
    folder = ending(tmp_path, llama, tiny.greedy(llama, LAID_OUT, 1)[0])
    error = raises(folder, ASK)
    assert isinstance(error, EmptyAnswer)
    assert not error.retryable
    assert error.usage is not None and error.usage.completion_tokens == 1
    with pytest.raises(EmptyAnswer):
        streamed(folder, ASK)


def test_without_max_tokens_it_writes_to_the_end_of_the_window_at_most(folder: Path) -> None:
    """The window has 256 tokens, 7 of which are laid out; of 20 there are 13 left."""
    request = asked("hi")
    whole, short = complete(folder, request), complete(folder, request, context_window=20)
    assert whole[0].usage == Usage(7, 249)
    assert short[0].usage == Usage(7, 13)


def test_what_does_not_fit_is_refused(folder: Path) -> None:
    """7 tokens are laid out, so that 13 more fill a window of 20."""
    assert complete(folder, asked("hi", max_tokens=13), context_window=20)[0].finish_reason == "length"
    too_much = raises(folder, asked("hi", max_tokens=14), context_window=20)
    too_long = raises(folder, asked("hi" * 30), context_window=20)
    assert isinstance(too_much, ContextTooLong)
    assert isinstance(too_long, ContextTooLong)
    assert "window of 20 tokens, not 7 of prompt and 14" in str(too_much)


def test_names_that_it_answers_to(folder: Path) -> None:
    request = Request("served-as", ASK.messages, max_tokens=1)
    assert complete(folder, request, models=["served-as"])[0].model == "served-as"
    error = raises(folder, request)
    assert isinstance(error, UnknownModel)
    assert "has no model 'served-as', only ['tiny']" in str(error)


def test_a_message_of_parts_is_read_as_one_text(folder: Path) -> None:
    parts = [{"type": "text", "text": "2 + "}, {"type": "text", "text": "2?"}]
    in_parts, whole = complete(folder, Request("tiny", ({"role": "user", "content": parts},), max_tokens=9), ASK)
    assert whole.text.startswith(in_parts.text[:-1])
    assert in_parts.usage == Usage(11, 9)


def test_a_model_without_a_template_cannot_chat(tmp_path: Path, llama: PreTrainedModel) -> None:
    error = raises(tiny.saved(tmp_path, llama, template=None), ASK)
    assert isinstance(error, BadRequest)
    assert "no chat template: give its tokenizer one, or complete text" in str(error)


def test_closing_a_stream_frees_its_row(folder: Path) -> None:
    """The only row is held by a stream of 200 tokens; the second answer can only come once that was cancelled."""

    async def ask(local: LocalModel) -> str:
        async with aclosing(local.stream(asked("hi", max_tokens=200))) as chunks:
            await anext(chunks)
            second = asyncio.create_task(local.complete(ASK))
            await anext(chunks)
            assert not second.done()
        return (await second).text

    assert run(LocalModel("tiny", folder, max_batch=1), ask) == complete(folder, ASK)[0].text


def test_cancelling_a_call_frees_its_row(folder: Path) -> None:
    async def ask(local: LocalModel) -> str:
        await local.start()
        first = asyncio.create_task(local.complete(asked("hi", max_tokens=240)))
        await asyncio.sleep(0)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return (await local.complete(ASK)).text

    assert run(LocalModel("tiny", folder, max_batch=1), ask) == complete(folder, ASK)[0].text


def test_closing_ends_who_is_served_and_who_waits(folder: Path) -> None:
    async def ask(local: LocalModel) -> Sequence[object]:
        await local.start()
        calls = [asyncio.create_task(local.complete(asked("hi", max_tokens=240))) for _ in range(3)]
        await asyncio.sleep(0.01)
        await local.close()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        with pytest.raises(Closed):
            await local.complete(ASK)
        return ended

    assert [type(end) for end in run(LocalModel("tiny", folder, max_batch=1), ask)] == [Closed] * 3


def test_it_may_be_closed_unused_and_twice(folder: Path) -> None:
    async def close(local: LocalModel) -> None:
        await local.close()
        await local.close()
        with pytest.raises(Closed):
            await local.complete(ASK)

    run(LocalModel("tiny", folder), close)


def test_it_serves_one_event_loop_after_another(folder: Path) -> None:
    local = LocalModel("tiny", folder)
    first = asyncio.run(local.complete(ASK))
    second = run(local, lambda opened: opened.complete(ASK))
    assert first.text == second.text


def test_a_failure_reaches_every_caller_and_the_next_call_is_served(folder: Path) -> None:
    async def ask(local: LocalModel) -> tuple[list[object], Reply]:
        loaded = await local._worker.start()
        batch: Any = loaded.engine._batch  # type: ignore[attr-defined]
        failing, works = True, batch.step

        def step(tokens: Sequence[int]) -> torch.Tensor:
            if failing:
                raise torch.OutOfMemoryError("no room")
            logits: torch.Tensor = works(tokens)
            return logits

        batch.step = step
        ended = await asyncio.gather(*(local.complete(ASK) for _ in range(5)), return_exceptions=True)
        failing = False
        return list(ended), await local.complete(ASK)

    ended, reply = run(LocalModel("tiny", folder), ask)
    assert [type(end) for end in ended] == [Overloaded] * 5
    assert reply.finish_reason == "length"
