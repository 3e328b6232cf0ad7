"""`anabranch data collect` as a person meets it."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch.__main__ import main
from anabranch.upstreams.fake_server import FakeServer, Hang, Status
from tests.data.collection.world import rows, serving, write_pool, write_prompts

ROOT = Path(__file__).parents[3]
BLOCK = re.compile(r"<!-- run -->\n```bash\n(.*?)```", re.DOTALL)


def words(folder: Path, server: FakeServer, number: int, *more: str) -> list[str]:
    urls = {"owl": server.base_url, "wren": server.base_url}
    pool = write_pool(folder / "pool.yaml", urls, concurrency=2, read_timeout_s=0.3)
    asked = write_prompts(folder / "prompts.jsonl", rows(number))
    files = ["--pool", str(pool), "--prompts", str(asked), "--out", str(folder / "labels")]
    return ["data", "collect", *files, "--judge", "numeric", *more]


def answer(capsys: pytest.CaptureFixture[str], given: list[str]) -> Any:
    capsys.readouterr()
    assert main([*given, "--json"]) == 0
    return orjson.loads(capsys.readouterr().out)


def test_a_collection_in_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        given = words(tmp_path, server, 3)
        forecast = answer(capsys, [*given, "--dry-run"])
        assert server.received == []
        summary = answer(capsys, given)
        assert main(given) == 0
    assert {name: model["requests"] for name, model in forecast.items()} == {"owl": 3, "wren": 3}
    assert summary["complete"] is True
    assert summary["models"]["owl"]["quality"] == 1.0
    shown = capsys.readouterr().out
    (owl,) = (line.split() for line in shown.splitlines() if "owl" in line)
    assert "labels in" in shown
    # asked this time, done, missing, quality; 5 words in and 4 out, three times
    assert owl[:5] == ["owl", "0", "3", "0", "1.0000"] and owl[6:8] == ["15", "12"]


def test_only_the_models_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        summary = answer(capsys, words(tmp_path, server, 2, "--models", "wren", "--concurrency", "1"))
        assert [received.body["model"] for received in server.received] == ["wren", "wren"]
        assert server.most_active == 1
    assert list(summary["models"]) == ["wren"]


def test_a_reached_budget_is_a_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as server:
        summary = answer(capsys, words(tmp_path, server, 20, "--budget", "0.0004"))
    assert (summary["complete"], summary["stopped"]) == (False, "budget")


def test_missing_labels_are_exit_code_1_with_the_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(faults=[Status(400), Hang()]) as server:
        given = words(tmp_path, server, 3)
        assert main(given) == 1
        told = capsys.readouterr().out
        assert main([*given, "--json"]) == 1
    assert orjson.loads(capsys.readouterr().out)["complete"] is False
    assert "1 BadRequest" in told
    assert "maybe paid without an answer, over all runs: 1 requests without an answer, at most 0.00" in told
    assert "what failed is asked again with --retry-failed" in told


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--samples", "0"], "samples is 0; at least 1"),
        (["--temperature", "-1"], r"temperature is -1.0; it must lie in [0, 2]"),
        (["--max-tokens", "0"], "max_tokens is 0; it must be at least 1"),
        (["--concurrency", "0"], "concurrency is 0; at least 1"),
        (["--budget", "-1"], "budget is -1.0; it must be USD, at least 0"),
        (["--judge", "fair"], "unknown judge 'fair'; known: exact, multiple-choice, numeric"),
        (["--models", "crow"], "unknown model 'crow'; models of the pool: owl, wren"),
        (["--prompts", "nowhere.jsonl"], "nowhere.jsonl cannot be read"),
        (["--pool", "nowhere.yaml"], "nowhere.yaml cannot be read"),
    ],
)
def test_mistakes_end_in_one_line_and_ask_nobody(
    more: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving() as server:
        assert main(words(tmp_path, server, 2, *more)) == 2
        assert server.received == []
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    """The parrot is right about "Say hello" and wrong about 2."""
    (code,) = BLOCK.findall((ROOT / "docs" / "collection.md").read_text(encoding="utf-8"))
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(r"parrot\W+100.0%\W+0.5000", done.stdout)
