"""Pocket models that write together, behind the contract of every upstream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from anabranch.serving.fusion.during.fused_model import FusedModel
from anabranch.upstreams.chat_reply import reply_body
from anabranch.upstreams.errors import BadRequest
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.pocket.frozen import check_frozen
from anabranch.upstreams.pocket.frozen import test_questions as frozen_questions
from anabranch.upstreams.pool import OpenPool, pool_from
from anabranch.upstreams.text_completion import TextRequest
from anabranch.upstreams.upstream import Reply, Request

OWL, HERON, WREN = "pocket-owl", "pocket-heron", "pocket-wren"
PROMPTS = [question.prompt for question in frozen_questions()[:6]]


def ask(prompt: str, **settings: Any) -> Request:
    return Request("mix", ({"role": "user", "content": prompt},), max_tokens=24, **{"temperature": 0.0, **settings})


async def replies(model: FusedModel | LocalModel, asked: list[Request]) -> list[Reply]:
    try:
        return list(await asyncio.gather(*map(model.complete, asked)))
    finally:
        await model.close()


def fused(*members: str, **settings: Any) -> FusedModel:
    return FusedModel("mix", members, device="cpu", **settings)


@pytest.mark.parametrize("method", ["gac", "unite", "me"])
def test_a_member_that_weighs_everything_answers_as_it_does_alone(method: str) -> None:
    asked = [ask(prompt) for prompt in PROMPTS]
    alone = asyncio.run(replies(LocalModel("mix", check_frozen(OWL), device="cpu"), asked))
    mixed = asyncio.run(replies(fused(OWL, WREN, method=method, weights=[1, 0]), asked))
    assert [reply.text for reply in mixed] == [reply.text for reply in alone]
    assert [reply.finish_reason for reply in mixed] == [reply.finish_reason for reply in alone]


def test_a_request_may_weigh_the_members_itself() -> None:
    """All weight on one member is routing: the answer is that member's, whatever the file says."""
    prompts = PROMPTS[:3]
    alone = [
        asyncio.run(replies(LocalModel("mix", check_frozen(one), device="cpu"), [ask(text) for text in prompts]))
        for one in (OWL, WREN)
    ]
    asked = [ask(text, extra={"fusion_weights": weights}) for weights in ([3, 0], [0, 0.5]) for text in prompts]
    mixed = asyncio.run(replies(fused(OWL, WREN, weights=[1, 1]), asked))
    assert [reply.text for reply in mixed] == [reply.text for each in alone for reply in each]


@pytest.mark.parametrize("weights", [[1], [0, 0], [1, -1], [1, float("nan")], ["1", 1], [True, 1], "11", {"a": 1}])
def test_weights_that_a_request_cannot_have_are_refused(weights: object) -> None:
    with pytest.raises(BadRequest, match="fusion_weights"):
        asyncio.run(replies(fused(OWL, WREN), [ask(PROMPTS[0], extra={"fusion_weights": weights})]))


def test_a_chat_in_which_no_user_says_anything_is_answered() -> None:
    """As the members alone answer it; there is nothing to route on, and null is no weights."""
    asked = [
        Request("mix", ({"role": "user", "content": ""},), max_tokens=4),
        Request("mix", ({"role": "user", "content": "2 + 2"},), max_tokens=4, extra={"fusion_weights": None}),
    ]
    assert all(reply.finish_reason for reply in asyncio.run(replies(fused(OWL, WREN), asked)))


def test_an_answer_ends_with_its_deadline() -> None:
    (reply,) = asyncio.run(replies(fused(OWL, WREN, deadline_s=1e-9), [ask(PROMPTS[0])]))
    assert (reply.text, reply.finish_reason) == ("", "length")


def test_each_token_says_who_chose_it() -> None:
    asked = [ask(PROMPTS[0], top_logprobs=0, seed=1, extra={"fusion_weights": [1, 1]})]
    (together,) = asyncio.run(replies(fused(OWL, WREN), asked))
    (drawn,) = asyncio.run(replies(fused(OWL, WREN, method="me"), asked))
    assert {token.by for token in together.logprobs} == {(OWL, WREN)}
    assert {token.by for token in drawn.logprobs} == {(OWL,), (WREN,)}
    assert reply_body(together)["choices"][0]["logprobs"]["content"][0]["by"] == [OWL, WREN]


def test_texts_together_are_what_each_is_alone_and_pieces_make_the_whole() -> None:
    asked = [ask(prompt, temperature=0.8, seed=place) for place, prompt in enumerate(PROMPTS)]

    async def all_ways() -> tuple[list[Reply], list[str], list[str]]:
        model = fused(OWL, HERON)
        try:
            together = list(await asyncio.gather(*map(model.complete, asked)))
            one_by_one = [(await model.complete(request)).text for request in asked]
            return together, one_by_one, ["".join([chunk.text async for chunk in model.stream(one)]) for one in asked]
        finally:
            await model.close()

    together, one_by_one, streamed = asyncio.run(all_ways())
    assert [reply.text for reply in together] == one_by_one == streamed


def test_usage_is_that_of_all_members() -> None:
    """Each reads the prompt in its own tokens, and is asked for each token that is written."""
    request = ask(PROMPTS[0])
    alone = [
        asyncio.run(replies(LocalModel("mix", check_frozen(name), device="cpu"), [request]))[0] for name in (OWL, HERON)
    ]
    (both,) = asyncio.run(replies(fused(OWL, HERON), [ask(PROMPTS[0], top_logprobs=0)]))
    assert both.usage is not None and all(reply.usage for reply in alone)
    assert both.usage.prompt_tokens == sum(reply.usage.prompt_tokens for reply in alone if reply.usage)
    assert both.usage.completion_tokens % 2 == 0 and len(both.logprobs) <= both.usage.completion_tokens // 2


def test_a_pool_names_it_like_any_model(tmp_path: Any) -> None:
    contents = {
        "upstreams": {"mix": {"kind": "fusion", "members": [OWL, HERON], "method": "unite", "settings": {"k": 5}}},
        "models": [{"name": "mix", "upstream": "mix", "prices": {"input_cost_per_token": 1e-6}}],
    }

    async def answer() -> str:
        async with OpenPool(pool_from(contents, tmp_path, "here")) as pool:
            return (await pool.served("mix").upstream.complete(ask(PROMPTS[0]))).text

    assert asyncio.run(answer())


def test_what_a_member_cannot_do_is_refused() -> None:
    async def refused() -> None:
        model = fused(OWL, HERON)
        try:
            with pytest.raises(BadRequest, match="cannot honour 'tools'"):
                await model.complete(ask("x", extra={"tools": [{"type": "function"}]}))
            with pytest.raises(BadRequest, match="does not score prompts"):
                await model.complete_text(TextRequest("mix", "x", echo=True, top_logprobs=0))
        finally:
            await model.close()

    asyncio.run(refused())


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"members": [OWL, "pocket-heorn"]}, "no pocket model is called 'pocket-heorn'; there are pocket-wren, "),
        ({"members": [OWL, HERON], "method": "unite", "settings": {"k": 0}}, "k is 0; it must be 1 token or more"),
        (
            {"members": [OWL, HERON], "method": "unite", "settings": {"kk": 3}},
            r"no setting \['kk'\]; its settings: \['k'\]",
        ),
        ({"members": [OWL]}, "fuses 1 models"),
        ({"members": [OWL, HERON], "method": "gca"}, "unknown fusion method 'gca'; known: cool-fusion, core, gac, "),
        ({"members": [OWL, HERON], "weights": [1]}, "2 members need as many weights"),
        ({"members": [OWL, HERON], "weights": [0, 0]}, "not all 0"),
        ({"members": [OWL, HERON], "deadline_s": 0}, "deadline_s is 0"),
        ({"members": [OWL, HERON], "prefill_tokens": 0}, "prefill_tokens 0"),
        ({"members": [OWL, HERON], "max_batch": 0}, "max_batch 0"),
        ({"members": [OWL, HERON], "settings": {"primary": 2}}, "primary 2: 2 models have the places 0 to 1"),
        ({"members": [OWL, HERON], "method": "core", "settings": {"main": 5}}, "main 5: 2 models"),
        ({"members": [OWL, "/nowhere/at/all"]}, "nowhere"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_loaded(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FusedModel("mix", **settings)


def test_closing_while_it_writes_ends_the_answer() -> None:
    async def closed() -> int:
        model = fused(OWL, HERON)
        stream: AsyncIterator[Any] = model.stream(ask(PROMPTS[0]))
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]
        (reply,) = await asyncio.gather(model.complete(ask(PROMPTS[1])))
        await model.close()
        return len(reply.text)

    assert asyncio.run(closed()) > 0
