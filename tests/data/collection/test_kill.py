"""SIGKILL at any instant: no acknowledged label is lost, asked again or doubled."""

import multiprocessing
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from anabranch.data.collection.entries import Key
from anabranch.data.collection.ledger import read_ledger
from anabranch.data.labelset import read_labels
from anabranch.upstreams.fake import Delay, Fake
from tests.data.collection.world import MODELS, rows, serving, total, write_pool, write_prompts

FORKSERVER = multiprocessing.get_context("forkserver")
EARLY = 0.25  # share of the kills that fall before the first answer, at any instant of the start
LONGEST_ASKING_S = 0.4
PATIENCE_S = 60.0


class Found(NamedTuple):
    """What a killed run left: the answers it acknowledged, and how many requests were in flight."""

    done: dict[Key, str]
    in_flight: int


def collect_to(pool: str, prompts: Path, out: Path) -> None:
    """`anabranch data collect`, in a child that keeps quiet."""
    from anabranch.__main__ import main

    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the child dies with it
    words = ["data", "collect", "--pool", pool, "--prompts", str(prompts), "--out", str(out), "--judge", "numeric"]
    sys.exit(main(words))


def left_by(out: Path) -> Found:
    ledger = read_ledger(out / "ledger.sqlite")
    answers = ledger.execute("SELECT prompt_id, model, sample, response FROM answers WHERE state = 'done'")
    return Found({Key(*key): response for *key, response in answers}, ledger.in_flight().requests)


def first_answer(child: BaseProcess, out: Path, done: int) -> bool:
    """Wait until a run acknowledges an answer beyond the `done` that were there; False if it ended before.

    A kill that counts seconds from the start meets nothing on a machine where starting takes longer.
    """
    deadline = time.monotonic() + PATIENCE_S
    while child.is_alive():
        if len(left_by(out).done) > done:
            return True
        assert time.monotonic() < deadline, f"no answer in {PATIENCE_S:.0f} s"
        time.sleep(0.02)
    return False


def killed_and_resumed(pool: str, prompts: Path, out: Path, kills: int, slots: int, seed: int = 0) -> int:
    """Collect with a SIGKILL at `kills` random instants, then to the end; how many kills met a run that was asking.

    A quarter of the kills fall while the run starts, which takes as long as the last start took; the others after its
    first answer.

    Args:
        pool: pool file, or pocket.
        prompts: file of prompts whose references are numbers.
        out: LABELS folder.
        kills: how often.
        slots: requests at once, in all.
        seed: of the instants.
    """
    FORKSERVER.set_forkserver_preload(["anabranch.commands.collect", "anabranch.__main__", "aiohttp", "uvloop"])
    rng, met, start_s = random.Random(seed), 0, 1.0
    before = Found({}, 0)
    for _ in range(kills):
        child = FORKSERVER.Process(target=collect_to, args=(pool, prompts, out))
        child.start()
        if rng.random() < EARLY:
            child.join(rng.uniform(0, start_s))
        else:
            began = time.monotonic()
            assert first_answer(child, out, len(before.done)), "the run ended before its kill: give it more prompts"
            start_s = time.monotonic() - began
            child.join(rng.uniform(0, LONGEST_ASKING_S))
        child.kill()
        child.join()
        now = left_by(out)
        assert before.done.items() <= now.done.items(), "an acknowledged answer was lost or replaced"
        assert now.in_flight <= slots
        met += now.in_flight > 0
        before = now
    child = FORKSERVER.Process(target=collect_to, args=(pool, prompts, out))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert before.done.items() <= left_by(out).done.items()
    return met


def check_labels(out: Path, wanted: set[Key], right: Callable[[dict[str, Any]], bool]) -> None:
    """Every label is there once, judged and right."""
    found = read_labels(out).labels.to_pylist()
    keys = [Key(row["prompt_id"], row["model"], row["sample"]) for row in found]
    assert len(keys) == len(set(keys))
    assert set(keys) == wanted
    assert all(row["quality"] is not None and right(row) for row in found)


@pytest.mark.slow
def test_fifty_kills(tmp_path: Path) -> None:
    """2 models with 8 slots each; a prompt reaches the server once, and once more for each time it was in flight."""
    number, slots = 1200, 16
    prompts = write_prompts(tmp_path / "prompts.jsonl", rows(number))
    out = tmp_path / "labels"
    with serving(Fake(total, faults=[Delay(0.1)] * 20_000)) as server:
        urls = {model: server.base_url for model in MODELS}
        pool = write_pool(tmp_path / "pool.yaml", urls, concurrency=slots // 2)
        met = killed_and_resumed(str(pool), prompts, out, 50, slots)
        received = Counter((each.body["messages"][0]["content"], each.body["model"]) for each in server.received)
    assert met >= 25
    check_labels(
        out, {Key(f"p{i}", model, 0) for i in range(number) for model in MODELS}, lambda row: row["quality"] == 1
    )
    ledger = read_ledger(out / "ledger.sqlite")
    assert ledger.maybe_paid().requests <= 50 * slots
    for prompt_id, model, maybe_paid in ledger.execute("SELECT prompt_id, model, maybe_paid FROM answers"):
        text = f"{prompt_id[1:]} + {int(prompt_id[1:]) + 1} = ?"
        assert 1 <= received[text, model] <= 1 + maybe_paid
