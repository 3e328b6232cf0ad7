"""Model-written code in a child process, within limits; children are real."""

import asyncio
import os
import socket
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
import uvloop

from anabranch.serving.code_runner import CodeRunner, Ran, RunLimits
from anabranch.serving.isolation import isolation

KEY = "sk-0123456789"
Got = TypeVar("Got")


@pytest.fixture(autouse=True)
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where runs have their folders; a run leaves nothing."""
    (tmp_path / "runs").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "runs"))


def waited(work: Coroutine[Any, Any, Got]) -> Got:
    return asyncio.run(asyncio.wait_for(work, 20))


def ran(code: str, runner: CodeRunner | None = None, **limits: Any) -> Ran:
    return waited((runner or CodeRunner(RunLimits(**limits))).run(code))


def test_code_runs_to_its_end() -> None:
    done = ran("import sys\nprint('out'); print('err', file=sys.stderr)")
    assert (done.exit_code, done.well, done.output, done.refused) == (0, True, "out\nerr\n", "")


def test_a_failure_has_its_exit_code_and_its_error() -> None:
    done = ran("print(1)\n1/0")
    assert (done.exit_code, done.well) == (1, False)
    assert done.output.startswith('1\nTraceback (most recent call last):\n  File "code.py", line 2')
    assert done.output.endswith("ZeroDivisionError: division by zero\n")
    assert ran("raise SystemExit(3)").exit_code == 3


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("print('x')\nname = input('who? ')", "it calls input(), and nobody is there to answer"),
        ("print('x')\nif", "it does not parse: invalid syntax (line 2)"),
        ("print('x')\n" + "-" * 20_000 + "1", "it does not parse: MemoryError"),
        ("\ud800", "it is no text"),
        ("#" * 65_537, "it is longer than 65536 bytes"),
    ],
)
def test_some_code_is_refused_before_it_runs(code: str, why: str) -> None:
    done = ran(code)
    assert (done.exit_code, done.refused, done.output, done.well) == (None, why, "", False)


def test_code_cannot_say_that_it_was_refused() -> None:
    code = "import os\nfor number in range(3, 64):\n    try: os.write(number, b'refused')\n    except OSError: pass"
    assert ran(code) == Ran(0, network_cut=isolation().network_cut)


def test_words_that_only_look_like_input_are_not_refused() -> None:
    assert ran("# input()\ninput = len\nprint('input()')").well


def test_the_environment_and_the_folder_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    done = ran("import os, sys\nprint(sorted(os.environ), os.listdir(), sys.flags.isolated, sys.stdin.read())")
    assert done.output == "['LC_CTYPE', 'PATH'] [] 1 \n"  # Python itself sets the first


def test_limits_are_those_of_the_child(tmp_path: Path) -> None:
    names = ("CPU", "AS", "FSIZE", "NPROC")
    code = f"import resource as r\nprint(*[r.getrlimit(getattr(r, 'RLIMIT_' + name)) for name in {names}])"
    done = ran(code, cpu_s=7, memory_mb=500, file_mb=3, processes=9)
    assert done.output == f"(7, 7) {(500 * 2**20,) * 2} {(3 * 2**20,) * 2} (9, 9)\n"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("x = bytearray(2**30)", "MemoryError"),
        ("open('x', 'wb').write(bytes(2**21))", "File too large"),
        ("import resource as r\nr.setrlimit(r.RLIMIT_CPU, (99, 99))", "not allowed to raise maximum limit"),
    ],
)
def test_too_much_is_an_error_of_the_code(code: str, says: str) -> None:
    if "setrlimit" in code and os.geteuid() == 0 and not isolation().prefix:
        return  # root outside a namespace may raise what it likes, as the runner's docstring says of limits
    done = ran(code, memory_mb=300, file_mb=1)
    assert done.exit_code == 1 and says in done.output


def test_too_much_cpu_ends_it() -> None:
    done = ran("print('on')\nwhile True: pass", cpu_s=1)
    assert not done.well and not done.timed_out and done.output == "on\n"


def test_too_slow_is_stopped_and_what_it_said_is_kept() -> None:
    began = time.perf_counter()
    done = ran("import time\nprint('waiting')\ntime.sleep(60)", wall_s=0.5)
    assert (done.exit_code, done.timed_out, done.well, done.output) == (None, True, False, "waiting\n")
    assert time.perf_counter() - began < 10


def test_long_output_keeps_its_ends() -> None:
    """3 + 5,000 + 4 characters, of which 40 are kept: 4,967 are cut."""
    done = ran("print('all' + 'x' * 5000 + 'end')", output_bytes=40)
    assert done.output == "all" + "x" * 17 + "\n[4967 bytes cut]\n" + "x" * 16 + "end\n"
    assert "[" in ran("while True: print('x' * 999)", output_bytes=40, file_mb=1).output


@pytest.mark.parametrize("unshare", [True, False])
def test_the_result_says_whether_there_was_a_network(unshare: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not unshare:
        monkeypatch.setenv("PATH", "")
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = ran(f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)")
    assert done.network_cut == (not done.well)
    assert done.network_cut == isolation().network_cut
    assert unshare or not done.network_cut


def test_the_network_can_be_left_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 5)"
        done = ran(code, CodeRunner(network=True))
    assert done.well and not done.network_cut


@pytest.mark.parametrize("unshare", [True, False])
def test_what_it_started_ends_with_it(unshare: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its group everything; in a process namespace also what left the group."""
    if not unshare:
        monkeypatch.setenv("PATH", "")
    away = bool(isolation().prefix)
    late = f"import time, pathlib; time.sleep(0.3); pathlib.Path({str(tmp_path / 'late')!r}).touch()"
    code = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-I', '-c', {late!r}], start_new_session={away})\nprint('gone')"
    )
    done = ran(code, memory_mb=2000, processes=4000)
    assert (done.exit_code, done.output) == (0, "gone\n")
    time.sleep(0.8)
    assert not (tmp_path / "late").exists()


def test_who_leaves_ends_the_run(tmp_path: Path) -> None:
    async def left() -> None:
        begun, late = tmp_path / "begun", tmp_path / "late"
        code = f"import time\nopen({str(begun)!r}, 'w')\ntime.sleep(0.4)\nopen({str(late)!r}, 'w')"
        task = asyncio.create_task(CodeRunner().run(code))
        while not begun.exists():
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await asyncio.sleep(0.6)
        assert not late.exists()

    waited(left())
    assert list((tmp_path / "runs").iterdir()) == []


def test_no_more_run_at_once_than_may(tmp_path: Path) -> None:
    """Each says when it began and ended; the second of one slot begins after the first has ended."""

    async def both(at_once: int) -> list[list[float]]:
        runner = CodeRunner(at_once=at_once)
        code = "import time\nprint(time.time())\ntime.sleep(0.15)\nprint(time.time())"
        ends = await asyncio.gather(runner.run(code), runner.run(code))
        return sorted([float(word) for word in done.output.split()] for done in ends)

    first, second = waited(both(1))
    assert second[0] >= first[1]


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    ran("import os\nos.makedirs('a/b'); open('a/b/c', 'w')")
    ran("1 +")
    assert list((tmp_path / "runs").iterdir()) == []


def test_it_runs_in_the_loop_of_the_server() -> None:
    done = uvloop.run(CodeRunner().run("print(2 + 2)"))
    assert (done.exit_code, done.output) == (0, "4\n")


# Secrets


def test_secrets_are_in_the_child_alone() -> None:
    """It knows all 13 characters, and nobody reads them in what it says."""
    runner = CodeRunner(secrets={"WEATHER_KEY": KEY, "WEATHER_KEY_2": "9876543210"})
    done = ran("key = 'WEATHER_KEY'\nprint(len(key), key, 'WEATHER_KEY_2'[:4])\nraise ValueError(key)", runner)
    assert done.output.startswith("13 WEATHER_KEY 9876\n")
    assert "ValueError: WEATHER_KEY" in done.output
    assert KEY not in repr(done) and KEY not in repr(runner)
    assert runner.placeholders == ("WEATHER_KEY", "WEATHER_KEY_2")


def test_secrets_are_hidden_before_output_is_cut() -> None:
    """100 keys of 13 characters; a cut through the 2nd and the 99th would leave beginning and end of them."""
    runner = CodeRunner(RunLimits(output_bytes=40), {"K_E_Y": KEY})
    output = ran("print('K_E_Y' * 100)", runner).output
    assert output.startswith("K_E_YK_E_Y") and "sk-" not in output and "789" not in output


@pytest.mark.parametrize(("placeholder", "value"), [("KEY", "short"), ("KEY", "has'quotes"), ("a key", KEY), ("", KEY)])
def test_secrets_that_cannot_be_swapped_are_refused(placeholder: str, value: str) -> None:
    with pytest.raises(ValueError, match="must be an identifier") as caught:
        CodeRunner(secrets={placeholder: value})
    assert value not in str(caught.value)


def test_limits_must_be_above_0() -> None:
    with pytest.raises(ValueError, match="wall_s is 0; it must be above 0"):
        RunLimits(wall_s=0)
