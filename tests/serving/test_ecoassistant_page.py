"""docs/ecoassistant.md is true: its example, its settings and its defaults."""

import asyncio
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anabranch.serving import server
from anabranch.serving.demonstrations import Keeping
from anabranch.serving.strategies.ecoassistant import EcoAssistant
from anabranch.upstreams.fake import Fake

PAGE = (Path(__file__).parents[2] / "docs" / "ecoassistant.md").read_text(encoding="utf-8")
POOL = """
upstreams: {here: {kind: "tests.serving.test_ecoassistant_page:yes"}}
models: [{name: small, upstream: here}, {name: large, upstream: here}]
"""


def yes(name: str) -> Fake:
    return Fake(lambda request: "yes", name=name)


def test_the_example_serves_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake says yes to all: small's first 6 replies are an answer without its word, and the judge's is a yes."""
    (tmp_path / "pool.yaml").write_text(POOL)
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    answers: list[Any] = []

    class Once:
        """A server that answers one request."""

        def __init__(self, app: Any, grace_s: int) -> None:
            self.http = server.http_server(app, grace_s)

        async def serve(self) -> None:
            with server.bound("127.0.0.1", 0) as listening:
                listening.listen()
                serving = asyncio.create_task(self.http.serve(sockets=[listening]))
                asked = {"model": "eco", "messages": [{"role": "user", "content": "Is it so?"}]}
                url = f"{server.address_of(listening)}/v1/chat/completions"
                async with aiohttp.ClientSession() as session, session.post(url, json=asked) as response:
                    answers.append((response.headers["x-anabranch-attempts"], await response.json()))
                self.http.should_exit = True
                await serving

    names["http_server"] = Once
    asyncio.run(asyncio.wait_for(names["main"](), 20))
    ((attempts, body),) = answers
    assert (attempts, body["choices"][0]["message"]["content"]) == ("7", "yes")
    assert (tmp_path / "solved.sqlite").exists()


def test_the_table_of_settings_has_them_all_with_their_defaults() -> None:
    told: dict[str, str] = {}
    for names, default in re.findall(r"^\| (`[a-z_`, ]+) \|([^|]*)\|", PAGE, re.MULTILINE):
        told |= dict.fromkeys(re.findall(r"`(\w+)`", names), default.replace("`", "").strip())
    known = {field.name: field.default for field in fields(EcoAssistant) if field.name != "name"}
    assert told.pop("threads") == "the loop's" and known.pop("threads") is None
    shown = {MISSING: "", None: "none"}
    assert told == {name: shown.get(default, str(default)) for name, default in known.items()}


def test_the_store_keeps_as_it_says() -> None:
    told = dict(re.findall(r"`(farthest|evict_after|evict_below)` = ([\d.]+)", PAGE))
    keeping = vars(Keeping())
    assert told == {name: str(keeping[name]) for name in ("farthest", "evict_after", "evict_below")}


def test_the_page_is_short() -> None:
    assert len(PAGE.splitlines()) < 90
