"""The demonstration on fewer prompts: every stage for real, and once more on the labels that it left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anabranch.data.labelset import read_labels
from anabranch.demo.failed import DemoFailed
from anabranch.demo.server import serving
from anabranch.demo.walk import Walk


def demo(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "anabranch", "demo", "--out", "demo", "--prompts", "240", "--requests", "3"]
    environment = os.environ | {"COLUMNS": "120"}
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


@pytest.mark.slow
def test_the_whole_main_job(tmp_path: Path) -> None:
    done = demo(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    out = tmp_path / "demo"
    report = json.loads((out / "report" / "report.json").read_text())
    assert report["prompts"] == 72  # three in ten of 240
    assert report["arms"] == ["pocket-heron", "pocket-owl", "pocket-robin", "pocket-wren"]
    assert {row["row"]["name"] for row in report["routers"]} == {"knn", "mlp"}
    assert (out / "bundle" / "router.onnx").exists() and (out / "report" / "report.html").exists()
    for line in (
        "requests to the served bundle",
        "oracle, which knows every answer",
        "best single model, pocket-",
        "report  demo",
    ):
        assert line in done.stdout
    labels = read_labels(out / "labels").labels

    again = demo(tmp_path)
    assert again.returncode == 0, again.stdout + again.stderr
    asked = json.loads((out / "report" / "report.json").read_text())
    # nothing was asked again: no two answers take equally long
    assert read_labels(out / "labels").labels.equals(labels)
    assert asked["baselines"] == report["baselines"]


def test_a_stage_that_fails_ends_the_walk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.console import Console

    asked: list[list[str]] = []

    def run(words: object) -> int:
        asked.append(list(words))  # type: ignore[call-overload]
        return 2

    walk = Walk(tmp_path / "out", 100, ["knn"], 1, run, Console())
    with pytest.raises(DemoFailed, match=r"`anabranch pocket prompts .*` ended with code 2"):
        walk.walk()
    assert asked == [["pocket", "prompts", "--out", str(tmp_path / "out" / "prompts"), "--train", "70", "--test", "30"]]


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(
            DemoFailed, match=r"(?s)ended with code 2 before it listened; it said: .*nowhere\.yaml is not there"
        ),
        serving([str(tmp_path / "nowhere.yaml")], tmp_path / "log"),
    ):
        raise AssertionError("it does not listen")
