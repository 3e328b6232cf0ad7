"""Models that write together, one of them behind a server."""

import asyncio
from typing import Any

import pytest

from anabranch.serving.fusion.during.fused_model import FusedModel
from anabranch.upstreams.errors import Overloaded, UpstreamError
from anabranch.upstreams.fake_server import FakeServer, Hang
from anabranch.upstreams.local.local_model import LocalModel
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.pocket.frozen import check_frozen
from anabranch.upstreams.pocket.frozen import test_questions as frozen_questions
from anabranch.upstreams.pool import OpenPool, pool_from
from anabranch.upstreams.server_member import ServerMember
from anabranch.upstreams.upstream import Capabilities, Reply, Request, Upstream
from tests.serving.gateways import running
from tests.upstreams.local.scripted import Between

OWL, HERON = "pocket-owl", "pocket-heron"
PROMPTS = [question.prompt for question in frozen_questions()[:6]]
KEY = "sk-proj-0123456789abcdef"


def ask(prompt: str, **settings: Any) -> Request:
    return Request("mix", ({"role": "user", "content": prompt},), max_tokens=24, **{"temperature": 0.0, **settings})


def here(name: str) -> LocalModel:
    return LocalModel("far", check_frozen(name), device="cpu")


def behind(upstream: Upstream, **settings: Any) -> ServerMember:
    return ServerMember(upstream, "far", check_frozen(HERON), **settings)


def fused(*members: str | ServerMember, method: str = "unite", **settings: Any) -> FusedModel:
    k = {"k": 5} if method == "unite" else {}
    return FusedModel("mix", members, device="cpu", method=method, settings=k, **settings)


async def answers(model: FusedModel, asked: list[Request]) -> list[Reply]:
    try:
        return list(await asyncio.gather(*map(model.complete, asked)))
    finally:
        await model.close()


@pytest.mark.parametrize("method", ["unite", "gac", "me", "cool-fusion"])
def test_the_text_is_that_of_two_models_of_this_machine(method: str) -> None:
    """The 20 likeliest of 640 tokens are enough. A request a token, the end included, where all are always asked."""
    asked = [ask(prompt, seed=place) for place, prompt in enumerate(PROMPTS)]
    both = asyncio.run(answers(fused(OWL, HERON, method=method), asked))
    server = Between(here(HERON), lambda request: None)
    mixed = asyncio.run(answers(fused(OWL, behind(server), method=method), asked))
    assert [(reply.text, reply.finish_reason) for reply in mixed] == [
        (reply.text, reply.finish_reason) for reply in both
    ]
    computed = sum(reply.usage.completion_tokens for reply in mixed if reply.usage)
    asked_always = method in ("unite", "gac")
    assert len(server.requests) == computed / 2 if asked_always else 0 < len(server.requests) < computed


def test_the_texts_of_a_server_that_fails_end_with_an_error_and_later_ones_do_not() -> None:
    """It fails at the second token of the first text, and once."""
    server = Between(here(HERON), lambda request: Overloaded("far", "fell") if len(server.requests) == 2 else None)

    async def run() -> None:
        model = fused(OWL, behind(server))
        with pytest.raises(UpstreamError):
            await model.complete(ask(PROMPTS[0]))
        assert [(await model.complete(ask(prompt))).text for prompt in PROMPTS[:2]]
        await model.close()

    asyncio.run(run())


def test_closing_does_not_wait_for_a_server() -> None:
    async def run() -> None:
        async with FakeServer(here(HERON), [Hang()]) as server:
            model = fused(OWL, behind(OpenAICompatible("far", server.base_url)))
            answer = asyncio.create_task(model.complete(ask(PROMPTS[0])))
            while not server.active:
                await asyncio.sleep(0.01)
            await asyncio.wait_for(model.close(), 5)
            with pytest.raises(UpstreamError):
                await answer

    asyncio.run(run())


def test_a_pool_names_it_and_a_real_server_answers(caplog: pytest.LogCaptureFixture) -> None:
    """Our own gateway on loopback, asked with a key by a pool that has it from a variable."""

    async def run() -> None:
        upstream = LocalModel("heron", check_frozen(HERON), models=["heron-1b"], device="cpu")
        async with running({"heron": upstream}, key=KEY) as gateway:
            member = {"server": "far", "model": "heron", "tokenizer": str(check_frozen(HERON)), "window": 1280}
            contents = {
                "upstreams": {
                    "far": {"base_url": f"{gateway.address}/v1", "api_key_env": "FAR_KEY"},
                    "mix": {"kind": "fusion", "members": [OWL, member], "method": "unite", "settings": {"k": 5}},
                },
                "models": [{"name": "mix", "upstream": "mix"}],
            }
            async with OpenPool(pool_from(contents, check_frozen(OWL), "here"), {"FAR_KEY": KEY}) as pool:
                mixed = await pool.served("mix").upstream.complete(ask(PROMPTS[0]))
            (both,) = await answers(fused(OWL, HERON), [ask(PROMPTS[0])])
            assert mixed.text == both.text
        await upstream.close()

    asyncio.run(run())
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("method", "capabilities", "top", "says"),
    [
        (
            "purify",
            {},
            20,
            "'purify' needs what a model thinks of all its tokens, and server 'far' names the likeliest",
        ),
        ("packllm", {}, 20, "'packllm' needs what a model thinks of all its tokens"),
        ("cool-fusion", {"prompt_logprobs": False}, 20, "'cool-fusion' needs scores of texts, and server 'far' has no"),
        ("unite", {}, 4, "'unite' looks at 5 tokens of each model, and server 'far' is asked for 4; lower k, or"),
    ],
)
def test_methods_that_a_server_cannot_serve_are_refused_at_once(
    method: str, capabilities: dict[str, Any], top: int, says: str
) -> None:
    server = Between(here(HERON), lambda request: None)
    server.capabilities = Capabilities(**capabilities)
    with pytest.raises(ValueError, match=says):
        fused(OWL, behind(server, top=top), method=method)
