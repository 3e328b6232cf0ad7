"""A world in which every answer is known: sums, asked of fakes behind a real server on loopback."""

import asyncio
import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import yaml
from rich.console import Console

from anabranch.data.collection.collect import Collection
from anabranch.data.collection.prompts import PromptSet, read_prompts
from anabranch.data.collection.summary import Summary
from anabranch.data.labelset import LabelSet, read_labels
from anabranch.upstreams.fake import Fake
from anabranch.upstreams.fake_server import FakeServer, Fault
from anabranch.upstreams.pool import Pool, pool_from
from anabranch.upstreams.upstream import Request, Upstream

PRICE = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}
MODELS = ("owl", "wren")


def total(request: Request) -> str:
    """The answer to "3 + 4 = ?": 4 words."""
    left, _, right, *_ = str(request.messages[-1]["content"]).split()
    return f"It must be {int(left) + int(right)}."


def rows(number: int, **more: Any) -> list[dict[str, Any]]:
    return [
        {"prompt_id": f"p{i}", "prompt": f"{i} + {i + 1} = ?", "reference": str(2 * i + 1), **more}
        for i in range(number)
    ]


def write_prompts(path: Path, given: Sequence[Mapping[str, Any]]) -> Path:
    path.write_bytes(b"\n".join(orjson.dumps(row) for row in given))
    return path


def prompts(folder: Path, given: Sequence[Mapping[str, Any]] | int, judge: str | None = "numeric") -> PromptSet:
    given = rows(given) if isinstance(given, int) else given
    return read_prompts(write_prompts(folder / "prompts.jsonl", given), judge)


def pool_of(
    base_urls: Mapping[str, str], *, models: Mapping[str, Any] | None = None, **upstream: Any
) -> dict[str, Any]:
    """One model an upstream, both of the same name, as the YAML of a pool file."""
    settings = {"attempts": 1, "concurrency": 4, **upstream}
    own = {"max_tokens": 20, "prices": PRICE, **(models or {})}
    return {
        "upstreams": {name: {"base_url": url, **settings} for name, url in base_urls.items()},
        "models": [{"name": name, "upstream": name, **own} for name in base_urls],
    }


def pool(base_urls: Mapping[str, str], **options: Any) -> Pool:
    return pool_from(pool_of(base_urls, **options), Path(), "test")


def write_pool(path: Path, base_urls: Mapping[str, str], **options: Any) -> Path:
    path.write_text(yaml.safe_dump(pool_of(base_urls, **options)))
    return path


@contextmanager
def serving(upstream: Upstream | None = None, faults: Sequence[Fault | None] = ()) -> Iterator[FakeServer]:
    """A server in a thread of its own, since a collection runs an event loop of its own."""
    server = FakeServer(upstream or Fake(total), faults)
    started, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with server:
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert started.wait(30)
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(30)
        loop.close()


def silent() -> Console:
    return Console(file=io.StringIO())


def run(pool: Pool, prompts: PromptSet, out: Path, **options: Any) -> Summary:
    return Collection(pool, prompts, out, **options).run(silent())


def label_rows(out: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = labels(out).labels.to_pylist()
    return found


def labels(out: Path) -> LabelSet:
    return read_labels(out)


def asked(server: FakeServer) -> list[str]:
    """The prompts that a server received, in order."""
    return [str(received.body["messages"][-1]["content"]) for received in server.received]
