"""Members behind servers, as pools name them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from anabranch.upstreams.fake import Fake
from anabranch.upstreams.pool import OpenPool, PoolError, pool_from
from anabranch.upstreams.server_member import ServerMember, server_member
from anabranch.upstreams.upstream import Capabilities, Upstream

OWL = Path(__file__).parents[2] / "upstreams" / "pocket" / "weights" / "pocket-owl"
GIVEN = {"server": "far", "model": "owl", "tokenizer": OWL}


def fake(name: str = "far", **settings: Any) -> Upstream:
    return Fake({}, name=name, **settings)


def test_a_mapping_names_a_member() -> None:
    upstream = fake()
    member = server_member(GIVEN | {"top": 5, "window": 99}, lambda name: upstream)
    assert member == ServerMember(upstream, "owl", OWL, top=5, window=99, by_id=True)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"server": "far"}, r"lacks \['model', 'tokenizer'\] and has unknown none"),
        (GIVEN | {"tops": 3}, r"lacks nothing and has unknown \['tops'\]"),
        (GIVEN | {"upstream": 3}, r"unknown \['upstream'\]"),
        (GIVEN | {"tokenizer": "/nowhere"}, "/nowhere holds no tokenizer.json; name the folder of the model's"),
        (GIVEN | {"top": 0}, "top 0, window None: at least 1 token"),
        (GIVEN | {"top": "many"}, "top many"),
        (GIVEN | {"window": 1}, "window 1"),
    ],
)
def test_what_is_no_member(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        server_member(settings, fake)


def test_servers_that_cannot_be_members() -> None:
    class Chats:
        name, capabilities = "chats", Capabilities()

    with pytest.raises(ValueError, match="server 'chats' answers chats only"):
        ServerMember(Chats(), "owl", OWL)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="server 'far' gives no log-probabilities"):
        ServerMember(fake(capabilities=Capabilities(logprobs=False)), "owl", OWL)


async def opened(pool: OpenPool) -> str:
    async with pool:
        return pool.served("mix").upstream.name


def pool(member: Any, **far: Any) -> OpenPool:
    contents = {
        "upstreams": {
            "mix": {"kind": "fusion", "members": ["pocket-owl", member], "method": "unite"},
            "far": {"base_url": "http://127.0.0.1:9/v1", "api_key_env": "FAR_KEY", **far},
            "other": {"kind": "fusion", "members": ["pocket-owl", "pocket-wren"]},
        },
        "models": [{"name": "mix", "upstream": "mix"}],
    }
    return OpenPool(pool_from(contents, OWL.parent, "here"), {"FAR_KEY": "sk-secret-key"})


@pytest.mark.parametrize(
    ("member", "far", "says"),
    [
        (GIVEN | {"server": "near"}, {}, r"'mix': a member names the server 'near'; .* be one: \['far'\]"),
        (GIVEN | {"server": "other"}, {}, "names the server 'other'"),
        (GIVEN | {"server": "mix"}, {}, "names the server 'mix'"),
        (GIVEN, {"api_key_env": "NO_KEY"}, "'mix': upstream 'far' needs the variable NO_KEY, which is not set"),
        (GIVEN, {"speed": 3}, r"upstream 'far' has unknown settings \['speed'\]"),
        (GIVEN, {"capabilities": {"logprobs": False}}, "'mix': server 'far' gives no log-probabilities"),
        ({"server": "far"}, {}, "'mix': a member lacks"),
        (GIVEN | {"top": 5}, {}, "'mix': fusion method 'unite' looks at 10 tokens of each"),
    ],
)
def test_a_pool_says_which_member_cannot_be(member: Any, far: dict[str, Any], says: str) -> None:
    with pytest.raises(PoolError, match=says) as caught:
        asyncio.run(opened(pool(member, **far)))
    assert "sk-secret-key" not in str(caught.value)


def test_a_pool_opens_with_a_member_behind_a_server_whose_tokenizer_stands_beside_it() -> None:
    """Nothing is asked of the server, which is not there, before it is needed."""
    assert asyncio.run(opened(pool(GIVEN | {"tokenizer": "pocket-owl"}))) == "mix"
