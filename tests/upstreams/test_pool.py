"""Pools from YAML to open upstreams; what is wrong is named, keys never are."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from anabranch.upstreams.errors import Closed
from anabranch.upstreams.fake import Fake
from anabranch.upstreams.fake_server import FakeServer
from anabranch.upstreams.openai_compatible import OpenAICompatible
from anabranch.upstreams.pool import OpenPool, Pool, PoolError, pool_from, read_pool
from anabranch.upstreams.upstream import Capabilities, Request

URL = "http://127.0.0.1:9/v1"
KEY = "sk-proj-0123456789abcdef"
TWO = {
    "upstreams": {"near": {"base_url": URL}, "far": {"base_url": URL, "api_key_env": "FAR_KEY", "concurrency": 7}},
    "models": [
        {"name": "owl", "upstream": "near", "model": "owl-7b", "max_tokens": 100},
        {"name": "wren", "upstream": "far", "prices": {"input_cost_per_token": 1e-6}},
        {"name": "finch", "upstream": "far"},
    ],
    "prices": "prices.json",
}


def written(folder: Path, contents: object) -> Path:
    path = folder / "pool.yaml"
    path.write_text(contents if isinstance(contents, str) else yaml.safe_dump(contents))
    return path


def of(upstream: Mapping[str, Any]) -> Pool:
    """A pool of one model of one upstream."""
    contents = {"upstreams": {"x": upstream}, "models": [{"name": "owl", "upstream": "x"}]}
    return pool_from(contents, Path("/pools"), "pool.yaml")


def opened(pool: Pool, environment: Mapping[str, str] | None = None) -> None:
    async def run() -> None:
        async with OpenPool(pool, environment or {}):
            pass

    asyncio.run(run())


def test_a_pool_file(tmp_path: Path) -> None:
    pool = read_pool(written(tmp_path, TWO))
    assert pool.names == ("owl", "wren", "finch")
    assert (pool.model("owl").served_as, pool.model("wren").served_as) == ("owl-7b", "wren")
    assert (pool.model("owl").max_tokens, pool.model("wren").max_tokens) == (100, None)
    assert pool.model("wren").prices == {"input_cost_per_token": 1e-6}
    assert pool.prices == tmp_path / "prices.json"


def test_choosing_keeps_the_order_asked_for(tmp_path: Path) -> None:
    pool = read_pool(written(tmp_path, TWO))
    assert pool.choose(("finch", "owl")).names == ("finch", "owl")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("owl", "crow"), "unknown model 'crow'; models of the pool: owl, wren, finch"),
        (("owl", "owl"), r"models \['owl'\] are named twice"),
        ((), "no models are named; models of the pool: owl, wren, finch"),
    ],
)
def test_a_choice_that_cannot_be(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=message):
        read_pool(written(tmp_path, TWO)).choose(names)


MODEL = {"name": "owl", "upstream": "x"}
WRONG: list[tuple[object, str]] = [
    ("", "pool.yaml: the file: .*; a pool has upstreams and models, see docs/pools.md"),
    ("- a list", "pool.yaml: the file: "),
    ({"upstreams": {"x": {}}}, "pool.yaml: models: Field required"),
    ({"models": [MODEL]}, "pool.yaml: upstreams: Field required"),
    ({"upstreams": {"x": {}}, "models": []}, "pool.yaml: models: "),
    ({"upstreams": {"x": 3}, "models": [MODEL]}, r"pool.yaml: upstreams.x: "),
    ({"upstreams": {"x": {}}, "models": [{**MODEL, "colour": 1}]}, "pool.yaml: models.0.colour: Extra"),
    ({"upstreams": {"x": {}}, "models": [{**MODEL, "max_tokens": 0}]}, "pool.yaml: models.0.max_tokens: "),
    ({"upstreams": {"x": {}}, "models": [{**MODEL, "name": ""}]}, "pool.yaml: models.0.name: "),
    ({"upstreams": {"x": {}}, "models": [MODEL], "price": "p.json"}, "pool.yaml: price: Extra"),
    ({"upstreams": {"x": {}}, "models": [MODEL, MODEL]}, r"pool.yaml: models \['owl'\] are named twice"),
    ({"upstreams": {"y": {}}, "models": [MODEL]}, r"model 'owl' names the upstream 'x'; there: \['y'\]"),
    ("models: [", "pool.yaml is not YAML at line 1, column 10"),
]


@pytest.mark.parametrize(("contents", "message"), WRONG)
def test_a_file_that_breaks_a_rule_is_named_with_the_place(contents: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=message):
        read_pool(written(tmp_path, contents))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match=r"cannot be read \(No such file or directory\); give a pool file, or 'pocket'"):
        read_pool(tmp_path / "nowhere.yaml")
    with pytest.raises(PoolError, match="cannot be read"):
        read_pool(tmp_path)
    (tmp_path / "pool.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PoolError, match="is not text in UTF-8"):
        read_pool(tmp_path / "pool.yaml")


@pytest.mark.parametrize(
    "contents",
    [
        f"upstreams: {{x: {{api_key: '{KEY}}}}}",
        f"upstreams: {{x: {KEY}}}\nmodels: []",
        f"{KEY}: [",
    ],
)
def test_a_broken_file_does_not_show_a_key(contents: str, tmp_path: Path) -> None:
    with pytest.raises(PoolError) as caught:
        read_pool(written(tmp_path, contents))
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"kind": "openai"}, r"upstream 'x': unknown kind of upstream 'openai'; known: fake, "),
    ({"kind": 3}, "unknown kind of upstream '3'"),
    ({"base_url": URL, "speed": 3}, r"upstream 'x' has unknown settings \['speed'\]; known: .*'base_url'"),
    ({"base_url": URL, "api_key": KEY}, "upstream 'x' holds an api_key; keep it in a variable and name that"),
    ({"base_url": URL, "api_key_env": "NO_KEY"}, "upstream 'x' needs the variable NO_KEY, which is not set; export it"),
    ({"base_url": URL, "api_key_env": "EMPTY"}, "upstream 'x' needs the variable EMPTY, which is not set"),
    ({"base_url": URL, "api_key_env": "BLANK"}, "upstream 'x': api_key is empty or has blanks"),
    ({}, "upstream 'x': .*base_url"),
    ({"base_url": "ftp://x"}, "upstream 'x': base_url is 'ftp://x'; it must look like https://host/v1"),
    ({"base_url": URL, "concurrency": 0}, "upstream 'x': concurrency is 0; it must be greater than 0"),
    ({"base_url": URL, "capabilities": {"speech": True}}, "upstream 'x' has wrong capabilities; they map some of"),
    ({"base_url": URL, "capabilities": 3}, "upstream 'x' has wrong capabilities"),
]


@pytest.mark.parametrize(("upstream", "message"), UNUSABLE)
def test_an_upstream_that_cannot_be_opened_is_named(upstream: dict[str, Any], message: str) -> None:
    with pytest.raises(PoolError, match=message) as caught:
        opened(of(upstream), {"EMPTY": "", "BLANK": f"{KEY} {KEY}"})
    assert KEY not in str(caught.value)


def test_only_upstreams_of_models_are_opened(tmp_path: Path) -> None:
    """owl's upstream needs no key, so a pool of owl alone opens without FAR_KEY."""
    pool = read_pool(written(tmp_path, TWO))
    opened(pool.choose(("owl",)))
    with pytest.raises(PoolError, match="FAR_KEY"):
        opened(pool)


def test_models_of_one_upstream_share_it_and_it_closes_with_the_pool() -> None:
    async def run() -> None:
        async with FakeServer(Fake({"2 + 2?": "4"})) as server:
            contents = {
                "upstreams": {
                    "far": {
                        "base_url": server.base_url,
                        "api_key_env": "FAR_KEY",
                        "capabilities": {"logprobs": True, "context_window": 4096},
                    }
                },
                "models": [{"name": "a", "upstream": "far", "model": "tiny"}, {"name": "b", "upstream": "far"}],
            }
            async with OpenPool(pool_from(contents, Path(), "here"), {"FAR_KEY": KEY}) as pool:
                served = pool.served("a")
                assert served.upstream is pool.served("b").upstream
                assert isinstance(served.upstream, OpenAICompatible)
                assert served.upstream.name == "far"
                assert served.upstream.capabilities == Capabilities(context_window=4096, logprobs=True)
                ask = Request(served.model.served_as, ({"role": "user", "content": "2 + 2?"},))
                assert (await served.upstream.complete(ask)).model == "tiny"
                with pytest.raises(PoolError, match="unknown model 'c'; models of the pool: a, b"):
                    pool.served("c")
            assert server.received[0].headers["Authorization"] == f"Bearer {KEY}"
            with pytest.raises(Closed):
                await served.upstream.complete(ask)

    asyncio.run(run())


def test_what_was_opened_is_closed_when_the_next_cannot_be() -> None:
    opened_first: list[Fake] = []

    async def run() -> None:
        contents = {
            "upstreams": {"a": {"kind": f"{__name__}:remembered"}, "b": {"kind": "nothing"}},
            "models": [{"name": "a", "upstream": "a"}, {"name": "b", "upstream": "b"}],
        }
        REMEMBERED.clear()
        with pytest.raises(PoolError, match="unknown kind of upstream 'nothing'"):
            async with OpenPool(pool_from(contents, Path(), "here"), {}):
                pass
        opened_first.extend(REMEMBERED)
        with pytest.raises(Closed):
            await opened_first[0].complete(Request("a", ()))

    asyncio.run(run())
    assert len(opened_first) == 1


REMEMBERED: list[Fake] = []


def remembered(name: str) -> Fake:
    """A kind of upstream that one can still look at once the pool is closed."""
    REMEMBERED.append(Fake({}, name=name))
    return REMEMBERED[-1]


def test_folders_and_price_files_start_at_the_pool_file(tmp_path: Path) -> None:
    contents = {
        "upstreams": {"x": {"kind": "local", "folder": "weights"}, "y": {"folder": "/elsewhere"}, "z": {"folder": 3}},
        "models": [{"name": "owl", "upstream": "x"}],
    }
    pool = pool_from(contents, tmp_path, "pool.yaml")
    assert [pool.upstreams[name]["folder"] for name in "xyz"] == [tmp_path / "weights", Path("/elsewhere"), 3]
    assert pool.prices is None
