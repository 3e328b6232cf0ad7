"""What the gateway adds to a request, and how many it takes; prints JSON.

    python benchmarks/gateway.py

A stub that answers at once, a load of small chats on keep-alive connections, and five ways between them, interleaved:

    stub        the load straight to the stub
    peer        a pass-through of Starlette and aiohttp, which reads the JSON body and forwards it: nothing else
    direct      `anabranch serve` on a pool: the model by name
    routed      `anabranch serve` on a bundle (ridge over the hashing encoder, 11 arms): the model "auto"; what the
                decision itself takes, alone in a process, is given as decision_ms
    streamed    direct, the answer in 3 pieces

Medians over rounds of requests a second with 16 connections, and of the p50 latency with 1. Every process shares the
machine with the others: compare ratios within one run.
"""

import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np

ARMS, CONNECTIONS, ROUNDS, ALONE, TOGETHER = 11, 16, 5, 300, 2000
USAGE = '"usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}'
REPLY = (
    '{"id": "c-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0, '
    f'"message": {{"role": "assistant", "content": "hello to you"}}, "finish_reason": "stop"}}], {USAGE}}}'
).encode()
PIECE = (
    b'data: {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": '
    b'[{"index": 0, "delta": {"content": "%s"}, "finish_reason": %s}]}\n\n'
)
PIECES = PIECE % (b"hello", b"null") + PIECE % (b" to", b"null") + PIECE % (b" you", b'"stop"') + b"data: [DONE]\n\n"


class Stub(asyncio.Protocol):
    """Answers every request with the same bytes; a body with `"stream":true` gets the pieces."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin with nothing held."""
        self.transport, self.held = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        """Answer once a request is whole."""
        self.held += data
        head, found, body = self.held.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if not found or len(body) < size:
            return
        self.held = b""
        streamed = b'"stream":true' in body.replace(b" ", b"")
        kind, answer = (b"text/event-stream", PIECES) if streamed else (b"application/json", REPLY)
        header = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\ncontent-length: %d\r\n\r\n" % (kind, len(answer))
        self.transport.write(header + answer)


async def serve_stub() -> None:
    server = await asyncio.get_running_loop().create_server(Stub, "127.0.0.1", 0)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def serve_peer(upstream: str) -> None:
    """The least that a proxy of JSON can do with these libraries."""
    import aiohttp
    import orjson
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from anabranch.serving.server import address_of, bound

    sessions: list[aiohttp.ClientSession] = []

    async def forward(request: Request) -> Response:
        body = orjson.loads(await request.body())
        if not sessions:
            sessions.append(aiohttp.ClientSession())
        async with sessions[0].post(f"{upstream}/v1/chat/completions", data=orjson.dumps(body)) as answer:
            return Response(orjson.dumps(orjson.loads(await answer.read())), media_type="application/json")

    listening = bound("127.0.0.1", 0)
    listening.listen()
    print(f"listening on {address_of(listening)}", flush=True)
    app = Starlette(routes=[Route("/v1/chat/completions", forward, methods=["POST"])])
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False)).run(sockets=[listening])


@contextlib.contextmanager
def process(*words: str) -> Iterator[str]:
    """A server as a process of its own, and its address."""
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().split()[-1]
        finally:
            running.terminate()


def bundle(folder: Path) -> Path:
    """A router over the hashing encoder; what it learnt does not matter here."""
    import pyarrow as pa

    from anabranch.data.labelset import LabelSet, write_labels
    from anabranch.export.export import export_run
    from anabranch.training.fit import fit

    rng = np.random.default_rng(0)
    ids = [f"p{number}" for number in range(200)]
    prompts = pa.table(
        {"prompt_id": ids, "prompt": [f"question {name}" for name in ids], "split": ["train"] * 150 + ["test"] * 50}
    )
    rows = [
        {"prompt_id": name, "model": f"arm-{arm}", "quality": float(rng.random() < 0.5), "cost_usd": 1e-4 * (arm + 1)}
        for name in ids
        for arm in range(ARMS)
    ]
    write_labels(LabelSet(prompts, pa.Table.from_pylist(rows)), folder / "labels")
    fit(folder / "labels", folder / "run", "ridge", encoder="hashing", tracker="disabled", progress=False)
    return export_run(folder / "run", folder / "bundle")


def decision_ms(folder: Path) -> float:
    """Median milliseconds of one decision, with nothing around it."""
    from anabranch.export.session import open_bundle
    from anabranch.routers.choice import choose

    router = open_bundle(folder)
    seconds = []
    for number in range(ALONE):
        began = time.perf_counter()
        choose(router, prompt(number))
        seconds.append(time.perf_counter() - began)
    return round(1000 * statistics.median(seconds), 3)


def pool(folder: Path, upstream: str) -> Path:
    models = [{"name": f"arm-{arm}", "upstream": "stub"} for arm in range(ARMS)]
    (folder / "pool.yaml").write_text(
        json.dumps({"upstreams": {"stub": {"base_url": f"{upstream}/v1"}}, "models": models})
    )
    return folder / "pool.yaml"


def prompt(number: int) -> str:
    """About 50 words; each number is another prompt, so that nothing can be remembered."""
    return f"question {number}: " + "what flows out of a river and back into it? " * 5


def request(model: str, stream: bool, number: int) -> bytes:
    """The bytes of a chat completion request."""
    messages = [{"role": "user", "content": prompt(number)}]
    body = json.dumps({"model": model, "messages": messages, "stream": stream}).encode()
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> None:
    writer.write(sent)
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    assert head.startswith(b"http/1.1 200"), head
    if b"content-length:" in head:
        await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n")[0]))
    else:
        await reader.readuntil(b"\r\n0\r\n\r\n")


async def load(address: str, model: str, stream: bool, connections: int, requests: int) -> tuple[float, float]:
    """Requests a second, and the p50 latency in milliseconds."""
    host, port = address.removeprefix("http://").split(":")
    seconds: list[float] = []

    async def one(first: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for number in range(first, requests, connections):
            sent = request(model, stream, number)
            began = time.perf_counter()
            await ask(reader, writer, sent)
            seconds.append(time.perf_counter() - began)
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one(first) for first in range(connections)))
    return requests / (time.perf_counter() - start), 1000 * statistics.median(seconds)


def measured(ways: dict[str, tuple[str, str, bool]]) -> dict[str, dict[str, float]]:
    """Every way in turn, round by round; the first round warms up."""
    from uvicorn.loops.auto import auto_loop_factory

    rates: dict[str, list[float]] = {name: [] for name in ways}
    p50s: dict[str, list[float]] = {name: [] for name in ways}
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        for turn in range(ROUNDS + 1):
            for name, way in ways.items():
                _, p50_ms = runner.run(load(*way, connections=1, requests=ALONE))
                rate, _ = runner.run(load(*way, connections=CONNECTIONS, requests=TOGETHER))
                if turn:
                    rates[name].append(rate)
                    p50s[name].append(p50_ms)
    return {
        name: {
            "requests_per_s": round(statistics.median(rates[name])),
            "p50_ms": round(statistics.median(p50s[name]), 3),
        }
        for name in ways
    }


def main() -> None:
    here = __file__
    with tempfile.TemporaryDirectory() as name, process(here, "stub") as stub, process(here, "peer", stub) as peer:
        folder = Path(name)
        serve = ["-m", "anabranch", "serve"]
        options = ["--port", "0", "--quiet"]
        pool_file = str(pool(folder, stub))
        routed = [*serve, str(bundle(folder)), "--pool", pool_file, *options]
        alone_ms = decision_ms(folder / "bundle")
        with process(*serve, pool_file, *options) as direct, process(*routed) as auto:
            ways = {
                "stub": (stub, "m", False),
                "peer": (peer, "m", False),
                "direct": (direct, "arm-0", False),
                "routed": (auto, "auto", False),
                "streamed": (direct, "arm-0", True),
            }
            rows = measured(ways)
    peer_row, stub_row = rows["peer"], rows["stub"]
    for row in rows.values():
        row["added_p50_ms"] = round(row["p50_ms"] - stub_row["p50_ms"], 3)
        row["requests_over_peer"] = round(row["requests_per_s"] / peer_row["requests_per_s"], 3)
    rows["routed"]["decision_ms"] = alone_ms
    goals = {"direct_adds_under_1_ms": rows["direct"]["added_p50_ms"] < 1}
    print(json.dumps({"rounds": ROUNDS, "connections": CONNECTIONS, "ways": rows, "goals": goals}, indent=2))


if __name__ == "__main__":
    role = sys.argv[1] if len(sys.argv) > 1 else ""
    if role == "stub":
        from uvicorn.loops.auto import auto_loop_factory

        with asyncio.Runner(loop_factory=auto_loop_factory()) as stub_runner:
            stub_runner.run(serve_stub())
    elif role == "peer":
        serve_peer(sys.argv[2])
    else:
        main()
