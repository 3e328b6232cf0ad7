"""How busy the collector keeps its upstreams, and what it costs to resume; prints JSON.

    python benchmarks/collect.py [--in-flight 2000] [--latency 2] [--requests 20000] [--repeats 3]

A stub in a process of its own answers every request after `latency` seconds, over loopback. It reads just enough of
HTTP to do so; what is measured is the collector: one process, one upstream with `in-flight` slots, four models, a
ledger with synchronous=FULL, prices, a budget, a judge.

The limit is in-flight / latency. `share_in_all` is requests done / seconds from the first request's arrival at the
stub to the last answer's departure, against that limit; the opening of the slots, one a millisecond, and the drain at
the end are inside.
`share_steady` counts only the answers that leave between the end of the first wave (the first in-flight answers) and
the arrival of the last request, when every slot has something to ask; by the stub's clock, too. Goal: 0.95.

`resume` opens a finished ledger of 40,000 answers again: nothing is asked, every prompt and state is checked, and the
label set is written anew.
"""

import argparse
import asyncio
import json
import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar, cast

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import uvloop
from rich.console import Console

from anabranch.data.collection.collect import Collection
from anabranch.data.collection.prompts import PromptSet, read_prompts
from anabranch.data.collection.terms import Terms
from anabranch.upstreams.pool import Pool

MODELS = ("finch", "owl", "raven", "wren")
ANSWER = "Twice the number of the question, as far as I can tell, and after some thought about it, is 84. "
USAGE = {"prompt_tokens": 120, "completion_tokens": 60, "total_tokens": 180}
CHOICE = {"index": 0, "message": {"role": "assistant", "content": ANSWER * 4}, "finish_reason": "stop"}
BODY = orjson.dumps({"id": "x", "object": "chat.completion", "model": "stub", "choices": [CHOICE], "usage": USAGE})
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY


class Stub(asyncio.Protocol):
    """One connection: counts request bodies by their Content-Length, answers each after a while."""

    latency_s = 0.0
    arrived: ClassVar[list[float]] = []
    left: ClassVar[list[float]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A new client."""
        self.transport, self.buffer = cast(asyncio.Transport, transport), b""

    def data_received(self, data: bytes) -> None:
        """A piece of a request."""
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(rest) >= length:
            self.buffer = rest[length:]
            self.arrived.append(time.monotonic())
            asyncio.get_running_loop().call_later(self.latency_s, self.answer)

    def answer(self) -> None:
        """The same for everybody."""
        self.left.append(time.monotonic())
        self.transport.write(RESPONSE)


def stub(latency_s: float, ours: Connection) -> None:
    """Serve until told to stop, then send the times of arrival and departure."""

    async def serve() -> None:
        Stub.latency_s = latency_s
        loop = asyncio.get_running_loop()
        server = await loop.create_server(Stub, "127.0.0.1", 0, backlog=4096)
        ours.send(server.sockets[0].getsockname()[1])
        await asyncio.to_thread(ours.recv)
        ours.send((Stub.arrived, Stub.left))

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


def prompts(number: int, folder: Path) -> PromptSet:
    """Questions of about 500 characters."""
    padding = "Read the question twice before you answer it. " * 10
    rows = [
        {"prompt_id": f"p{i}", "prompt": f"{padding}What is twice {i}?", "reference": str(2 * i), "judge": "numeric"}
        for i in range(number)
    ]
    path = folder / "prompts.parquet"
    pq.write_table(pa.Table.from_pylist(rows), path)
    return read_prompts(path)


def collection(port: int, in_flight: int, asked: PromptSet, out: Path) -> Collection:
    """Everything on: prices, bounds, ledger."""
    price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 4e-6}
    models = [{"name": name, "upstream": "stub", "prices": price, "max_tokens": 400} for name in MODELS]
    upstream = {"base_url": f"http://127.0.0.1:{port}/v1", "concurrency": in_flight}
    pool = Pool.model_validate({"upstreams": {"stub": upstream}, "models": models})
    return Collection(pool, asked, out, Terms(), budget_usd=1e6)


def shares(arrived: list[float], left: list[float], in_flight: int, latency_s: float) -> dict[str, float]:
    """Answers a second against the limit, in all and while every slot has something to ask."""
    limit = in_flight / latency_s
    begins, ends = left[in_flight - 1], arrived[-1]
    steady = sum(begins < moment <= ends for moment in left) / (ends - begins)
    in_all = len(left) / (left[-1] - arrived[0])
    return {
        "seconds": round(left[-1] - arrived[0], 3),
        "ramp_up_s": round(arrived[in_flight - 1] - arrived[0], 3),
        "requests_a_second_steady": round(steady, 1),
        "share_steady": round(steady / limit, 4),
        "share_in_all": round(in_all / limit, 4),
    }


def throughput(in_flight: int, latency_s: float, requests: int) -> dict[str, float]:
    """One collection against a stub of its own."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=stub, args=(latency_s, theirs), daemon=True)
    process.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = prompts(requests // len(MODELS), folder)
        cpu_s = time.process_time()
        summary = collection(port, in_flight, asked, folder / "labels").run(Console(stderr=True))
        cpu_s = time.process_time() - cpu_s
        assert summary.complete, summary
    ours.send("stop")
    arrived, left = ours.recv()
    process.join()
    return {
        **shares(arrived, left, in_flight, latency_s),
        "collector_cpu_ms_a_request": round(1e3 * cpu_s / requests, 3),
    }


def resume(answers: int) -> dict[str, float]:
    """Seconds to run a finished collection again."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=stub, args=(0.0, theirs), daemon=True)
    process.start()
    port = ours.recv()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        asked = prompts(answers // len(MODELS), folder)
        collection(port, 64, asked, folder / "labels").run(Console(stderr=True))
        start = time.perf_counter()
        again = read_prompts(folder / "prompts.parquet")
        read_s = time.perf_counter() - start
        summary = collection(port, 64, again, folder / "labels").run(Console(stderr=True))
        seconds = time.perf_counter() - start
        assert summary.complete and not any(model.asked for model in summary.models.values())
    ours.send("stop")
    ours.recv()
    process.join()
    return {
        "answers": answers,
        "seconds": round(seconds, 3),
        "of_it_reading_prompts_s": round(read_s, 3),
        "microseconds_an_answer": round(1e6 * seconds / answers, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-flight", type=int, default=2000)
    parser.add_argument("--latency", type=float, default=2.0)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--answers", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    runs = [throughput(given.in_flight, given.latency, given.requests) for _ in range(given.repeats)]
    share = statistics.median(run["share_steady"] for run in runs)
    result = {
        "in_flight": given.in_flight,
        "latency_s": given.latency,
        "requests": given.requests,
        "limit_requests_a_second": given.in_flight / given.latency,
        "runs": runs,
        "median_share_steady": share,
        "goal_0.95_met": share >= 0.95,
        "resume": resume(given.answers) if given.answers else None,
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
