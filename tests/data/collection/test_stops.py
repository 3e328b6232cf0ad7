"""What ends a collection early: a signal, a budget, a full disk, another collector; and how it goes on."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from anabranch.data.collection.ledger import read_ledger
from anabranch.data.collection.ledger_lock import LedgerLock
from anabranch.data.collection.ledger_schema import LedgerError
from anabranch.data.collection.open_files import allow_open_files
from anabranch.upstreams.fake import Delay, Fake
from anabranch.upstreams.fake_server import FakeServer, Hang
from tests.data.collection.world import (
    label_rows,
    pool,
    prompts,
    rows,
    run,
    serving,
    total,
    write_pool,
    write_prompts,
)

MAIN = "import sys; from anabranch.__main__ import main; sys.exit(main(sys.argv[1:]))"
SMALL_FILES = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000)); {MAIN}"


def command(folder: Path, server: FakeServer, number: int, code: str = MAIN, **options: object) -> list[str]:
    """`anabranch data collect` of so many prompts from one model."""
    pool_file = write_pool(folder / "pool.yaml", {"owl": server.base_url}, **options)
    asked = write_prompts(folder / "prompts.jsonl", rows(number))
    words = ["--pool", str(pool_file), "--prompts", str(asked), "--out", str(folder / "labels"), "--judge", "numeric"]
    return [sys.executable, "-c", code, "data", "collect", *words]


def wait_for(server: FakeServer, requests: int, process: subprocess.Popen[str]) -> None:
    while len(server.received) < requests:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_answers_in_flight_arrive(number: signal.Signals, tmp_path: Path) -> None:
    """4 slots, 0.3 s an answer: what was sent by the signal is answered, and nothing more is sent."""
    with serving(Fake(total, faults=[Delay(0.3)] * 200)) as server:
        words = command(tmp_path, server, 200)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(server, 5, process)
        process.send_signal(number)
        told, _ = process.communicate(timeout=60)
        sent = len(server.received)
    assert process.returncode == 128 + number
    assert f"stopped by {number.name}; run the same command again to go on" in told
    assert len(label_rows(tmp_path / "labels")) == sent < 200
    assert read_ledger(tmp_path / "labels" / "ledger.sqlite").in_flight().requests == 0


def test_what_outlasts_the_grace_is_maybe_paid_and_asked_again(tmp_path: Path) -> None:
    with serving(faults=[Hang()] * 4) as server:
        words = [*command(tmp_path, server, 6), "--grace", "0.1"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(server, 4, process)
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=60)
        assert "this run left 4 requests without an answer, at most 0.00" in told
        summary = run(pool({"owl": server.base_url}), prompts(tmp_path, 6), tmp_path / "labels")
    assert summary.complete
    assert summary.found.requests == summary.maybe_paid.requests == 4
    assert len(label_rows(tmp_path / "labels")) == 6


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    with serving(faults=[Hang()] * 4) as server:
        words = [*command(tmp_path, server, 6), "--grace", "600"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(server, 4, process)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.2)
        told, _ = process.communicate(timeout=60)
    assert "this run left 4 requests without an answer" in told
    assert process.returncode == 130


def test_a_second_collector_is_refused_and_told_of_the_first(tmp_path: Path) -> None:
    with serving(faults=[Hang()]) as server:
        words = command(tmp_path, server, 1)
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_for(server, 1, process)
        with pytest.raises(LedgerError, match=rf"is being collected by process {process.pid}; wait for it"):
            run(pool({"owl": server.base_url}), prompts(tmp_path, 1), tmp_path / "labels")
        process.kill()
        process.communicate()
        assert run(pool({"owl": server.base_url}), prompts(tmp_path, 1), tmp_path / "labels").complete


def test_a_lock_ends_with_its_block(tmp_path: Path) -> None:
    for _ in range(2):
        with LedgerLock(tmp_path / "ledger.lock"):
            assert (tmp_path / "ledger.lock").read_text() == str(os.getpid())
            with pytest.raises(LedgerError, match=str(os.getpid())), LedgerLock(tmp_path / "ledger.lock"):
                pass


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path: Path) -> None:
    """Files may not exceed 150 kB, and 400 answers of 500 words need more; without the limit the rest is asked."""
    long = Fake(lambda request: total(request) + " indeed" * 500)
    with serving(long) as server:
        words = command(tmp_path, server, 400, SMALL_FILES, models={"max_tokens": 600})
        stopped = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert stopped.returncode == 2, stopped.stderr
        assert "ledger.sqlite cannot be used" in stopped.stderr
        assert "what it acknowledged is safe" in stopped.stderr
        kept = read_ledger(tmp_path / "labels" / "ledger.sqlite")
        done = kept.execute("SELECT count(*) FROM answers WHERE state = 'done'")[0][0]
        in_flight = kept.in_flight().requests
        before = len(server.received)
        assert 0 < done < 400
        assert in_flight <= 4
        resumed = subprocess.run(command(tmp_path, server, 400, models={"max_tokens": 600}), check=False, timeout=60)
        assert resumed.returncode == 0
        assert len(server.received) - before == 400 - done
    assert len(label_rows(tmp_path / "labels")) == 400


def test_a_budget_is_never_exceeded_and_more_of_it_goes_on(tmp_path: Path) -> None:
    """An answer costs 5e-6 + 4 x 4e-6 = 2.1e-5 USD and reserves at most 183e-6 + 20 x 4e-6 = 2.63e-4.

    With 1e-3, a request goes out while what was spent and its reservation fit: up to (1e-3 - 2.63e-4) / 2.1e-5 = 35.1,
    so 36 answers, for prompts p0 to p9 whose text has 9 characters; longer texts reserve 2e-6 more.
    """
    with serving() as server:
        one = pool({"owl": server.base_url})
        first = run(one, prompts(tmp_path, 100), tmp_path / "labels", budget_usd=1e-3)
        assert len(server.received) == 36
        assert (first.stopped, first.complete) == ("budget", False)
        assert first.spent_usd == pytest.approx(36 * 2.1e-5)
        again = run(one, prompts(tmp_path, 100), tmp_path / "labels", budget_usd=1e-3)
        assert len(server.received) == 36
        assert again.stopped == "budget"
        assert run(one, prompts(tmp_path, 100), tmp_path / "labels", budget_usd=1.0).complete
    assert len(label_rows(tmp_path / "labels")) == 100


def test_what_may_have_been_paid_counts_against_the_budget(tmp_path: Path) -> None:
    """One hang reserves 2.63e-4 USD of 5e-4: of the rest, 2.37e-4, no request fits."""
    with serving(faults=[Hang()]) as server:
        one = pool({"owl": server.base_url}, concurrency=1, read_timeout_s=0.1)
        summary = run(one, prompts(tmp_path, 10), tmp_path / "labels", budget_usd=5e-4)
        assert len(server.received) == 1
    assert summary.spent_usd == pytest.approx(2.63e-4)
    assert summary.stopped == "budget"


def test_a_budget_refuses_what_has_no_bound(tmp_path: Path) -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}
    chat = [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]
    with serving() as server:
        one, given = pool({"owl": server.base_url}), prompts(tmp_path, [{"prompt_id": "x", "messages": chat}])
        with pytest.raises(ValueError, match="prompt 'x' holds images, audio or files"):
            run(one, given, tmp_path / "labels", budget_usd=1.0)
        with pytest.raises(ValueError, match="a budget needs the prices of owl"):
            free = pool({"owl": server.base_url}, models={"prices": {}})
            run(free, given, tmp_path / "labels", budget_usd=1.0, no_prices=True)
        assert server.received == []


def test_a_collection_may_run_outside_the_main_thread(tmp_path: Path) -> None:
    with serving() as server:
        one, given = pool({"owl": server.base_url}), prompts(tmp_path, 2)
        thread = threading.Thread(target=run, args=(one, given, tmp_path / "labels"))
        thread.start()
        thread.join(30)
    assert len(label_rows(tmp_path / "labels")) == 2


def test_more_open_files_than_the_system_allows_are_refused() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allow_open_files(10)
    with pytest.raises(ValueError, match=f"the system allows {hard}; lower the concurrency"):
        allow_open_files(hard)


def test_nothing_of_asyncio_is_left_behind(tmp_path: Path) -> None:
    with serving() as server:
        run(pool({"owl": server.base_url}), prompts(tmp_path, 2), tmp_path / "labels")
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()
    assert not [thread for thread in threading.enumerate() if thread.name == "ledger"]
