"""`anabranch serve` as a process: it says where it listens, and ends well."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from anabranch.__main__ import main
from anabranch.upstreams.fake import Delay, Fake
from anabranch.upstreams.fake_server import FakeServer, Hang
from tests.export.cascades import cascade_bundle
from tests.serving.gateways import HELLO, fake

POOL = "upstreams: {here: {kind: fake}}\nmodels: [{name: wren, upstream: here}]\n"
ASK: dict[str, Any] = {"model": "wren", "messages": HELLO}


def written(folder: Path, text: str) -> str:
    (folder / "file.yaml").write_text(text)
    return str(folder / "file.yaml")


@asynccontextmanager
async def started(*words: str, key: str = "") -> AsyncIterator[tuple[Process, str, str]]:
    """The process, its address, and all that it said when it started."""
    command = [sys.executable, "-m", "anabranch", "serve", *words, "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=PIPE, stderr=PIPE, env=os.environ | {"CLIENTS_KEY": key}
    )
    assert process.stdout is not None
    said = [(await process.stdout.readline()).decode() for _ in range(6)]
    try:
        yield process, said[0].split()[-1], "".join(said)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def ended(process: Process) -> tuple[int, str]:
    """Its exit code and its log."""
    _, log = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode is not None
    return process.returncode, log.decode()


async def post(address: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    url = f"{address}/v1/chat/completions"
    async with aiohttp.ClientSession() as session, session.post(url, json=ASK, headers=headers) as response:
        return response.status, await response.json()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_from_start_to_end(tmp_path: Path, number: signal.Signals) -> None:
    async def run() -> None:
        async with started(written(tmp_path, POOL)) as (process, address, said):
            assert "models: wren\nstrategy: by name\n" in said
            assert f"curl {address}/v1/chat/completions" in said
            assert (await post(address))[0] == 200
            process.send_signal(number)
            code, log = await ended(process)
        assert code == 0
        assert log.startswith("INFO: POST /v1/chat/completions 200 wren ")
        assert len(log.splitlines()) == 1

    asyncio.run(run())


def test_a_configuration_with_a_key_and_no_log(tmp_path: Path) -> None:
    indented = "".join(f"  {line}\n" for line in POOL.splitlines())
    config = written(tmp_path, f"pool:\n{indented}api_key_env: CLIENTS_KEY\nquiet: true\n")

    async def run() -> None:
        async with started(config, key="sesame") as (process, address, _):
            assert (await post(address))[0] == 401
            assert (await post(address, {"Authorization": "Bearer sesame"}))[0] == 200
            process.terminate()
            assert await ended(process) == (0, "")

    asyncio.run(run())


def test_a_cascade_with_limits(tmp_path: Path) -> None:
    """A fake is always sure, so the first of three models answers."""
    models = "[{name: wren, upstream: here}, {name: jay, upstream: here}, {name: owl, upstream: here}]"
    pool = written(tmp_path, f"upstreams: {{here: {{kind: fake}}}}\nmodels: {models}\n")
    bundle = cascade_bundle(tmp_path / "birds")
    limits = ("--timeout-s", "5", "--max-completion-tokens", "64", "--tradeoff", "0.4")

    async def run() -> None:
        async with started(str(bundle.folder), "--pool", pool, *limits) as (process, address, said):
            assert f"models: auto, wren, jay, owl\nstrategy: cascade, trade-off 0.400, bundle {bundle.id}\n" in said
            assert '"model": "auto"' in said
            assert (await post(address))[0] == 200
            process.terminate()
            assert (await ended(process))[0] == 0

    asyncio.run(run())


def behind(server: FakeServer) -> str:
    return (
        f"upstreams: {{far: {{base_url: '{server.base_url}', attempts: 1}}}}\nmodels: [{{name: wren, upstream: far}}]\n"
    )


def test_requests_in_flight_are_finished(tmp_path: Path) -> None:
    async def run() -> None:
        slow = Fake(lambda request: "at last", faults=[Delay(0.5)])
        async with FakeServer(slow) as server, started(written(tmp_path, behind(server))) as (process, address, _):
            asking = asyncio.create_task(post(address))
            while not server.active:
                await asyncio.sleep(0.01)
            process.terminate()
            status, body = await asking
            assert (status, body["choices"][0]["message"]["content"]) == (200, "at last")
            assert (await ended(process))[0] == 0

    asyncio.run(run())


def test_requests_that_outlast_the_grace_are_told(tmp_path: Path) -> None:
    async def run() -> None:
        async with (
            FakeServer(fake(), [Hang()]) as server,
            started(written(tmp_path, behind(server)), "--grace-s", "1") as (process, address, _),
        ):
            asking = asyncio.create_task(post(address))
            while not server.active:
                await asyncio.sleep(0.01)
            process.terminate()
            status, body = await asking
            assert (status, body["error"]["code"]) == (503, "server_stopping")
            code, log = await ended(process)
            await asyncio.wait_for(server.left.wait(), 5)
        assert code == 0
        assert "Traceback" not in log

    asyncio.run(run())


def test_a_port_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert main(["serve", written(tmp_path, POOL), "--port", port]) == 2
    said = capsys.readouterr()
    assert said.err == (
        f"anabranch serve: port {port} on 127.0.0.1 is in use; "
        "choose another with --port, or --port 0 for one that is free\n"
    )
    assert said.out == ""


@pytest.mark.parametrize(
    ("text", "words", "message"),
    [
        ("bundel: b\n", [], "bundel: Extra inputs are not permitted"),
        ("bundle: nowhere\n", [], "nowhere is no bundle"),
        (POOL, ["--tradeoff", "0.5"], "no bundle decides by it"),
        (POOL, ["--timeout-s", "5"], "timeout_s is 5.0, but no cascade is served"),
        (POOL, ["--max-completion-tokens", "0"], "max_completion_tokens: Input should be greater than or equal to 1"),
        (POOL, ["--host", "203.0.113.7"], "cannot listen on 203.0.113.7 port 8000"),
        (POOL, ["--host", "no such host"], "cannot listen on no such host port 8000"),
        (POOL, ["--api-key-env", "NOT_SET"], "the variable NOT_SET, which is not set; export it"),
        (POOL.replace("fake", "fak"), [], "unknown kind of upstream 'fak' (did you mean 'fake'?)"),
        (POOL.replace("kind: fake", "base_url: x"), [], "base_url is 'x'; it must look like https://host/v1"),
    ],
)
def test_mistakes_end_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: list[str], message: str
) -> None:
    assert main(["serve", written(tmp_path, text), *words]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert message in said.err


def test_a_switch_needs_no_value(tmp_path: Path) -> None:
    async def run() -> None:
        async with started(written(tmp_path, POOL), "--quiet") as (process, address, _):
            assert (await post(address))[0] == 200
            process.terminate()
            assert await ended(process) == (0, "")

    asyncio.run(run())
