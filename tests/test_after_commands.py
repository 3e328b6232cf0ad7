"""Fusion after inference from the command line: train, evaluate, export, and serve as the run says."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from anabranch.__main__ import main
from anabranch.data.labelset import LabelSet, write_labels
from anabranch.routers.cascade_run import load_cascade_run
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.serving.offer import prepare
from anabranch.serving.settings import ServeSettings
from anabranch.training.after.registry import AFTER
from tests.serving.test_offer import pool

PRICES = {"finch": 1.0, "jay": 1.0, "wren": 1.0, "owl": 8.0}
PROMPTS = {"train": 24, "validation": 12, "test": 12}
HASHING = ("--encoder", "hashing", "--tracker", "disabled", "--progress", "false")


def label_set(responses: bool = True) -> LabelSet:
    """Finch, jay and wren are wrong on every third prompt, each on others; the owl on every fourth, for 8 USD."""
    letters = np.random.default_rng(0)
    prompts: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for split, count in PROMPTS.items():
        for number in range(count):
            name = f"{split}{number}"
            text = "".join(letters.choice(list("abcdefghij klmno"), 60)) + f" {number} + 2?"
            prompts.append({"prompt_id": name, "prompt": text, "split": split})
            wrong = {"finch": number % 3 == 0, "jay": number % 3 == 1, "wren": number % 3 == 2, "owl": number % 4 == 0}
            for model, usd in PRICES.items():
                row = {"prompt_id": name, "model": model, "quality": float(not wrong[model]), "cost_usd": usd}
                said = {"response": f"it is {-1 if wrong[model] else number + 2}"}
                rows.append(row | (said if responses else {}))
    return LabelSet(pa.Table.from_pylist(prompts), pa.Table.from_pylist(rows))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    write_labels(label_set(), tmp_path / "labels")
    return tmp_path / "labels"


def run(*words: object) -> int:
    return main([*map(str, words)])


def told(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    capsys.readouterr()
    assert run(*words, "--json") == 0
    return orjson.loads(capsys.readouterr().out)


@pytest.mark.parametrize("recipe", AFTER)
def test_from_labels_to_a_bundle(recipe: str, labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the three is right on 2/3 for 1 USD, all three in a vote on all prompts for 3; the owl on 3/4 for 8.

    The cheapest stop that is as good as the owl is the vote. Its bundle does what the run does.
    """
    out, bundle = tmp_path / "run", tmp_path / "bundle"
    assert run("train", recipe, "--labels", labels, "--out", out, "--answers", "number", "--depth", 3, *HASHING) == 0
    plan = load_cascade_run(out).plan("run")
    assert [(stop.quality, stop.cost_usd) for stop in plan.stops] == [(pytest.approx(2 / 3), 1.0), (1.0, 3.0)]
    policy = plan.policy()
    assert isinstance(policy, FuseAll) and policy.samples == 1
    assert [plan.models[model] for model in policy.models] == ["finch", "jay", "wren"]
    assert run("export", out, "--out", bundle) == 0
    rows = [
        one["row"] for one in told(capsys, "evaluate", out, bundle, "--labels", labels, "--replicates", 20)["routers"]
    ]
    assert [(row["quality"]["value"], row["cost"]["value"]) for row in rows] == [(1.0, 3.0)] * 2
    offered = prepare(ServeSettings(bundle=bundle, pool=pool(*PRICES)))
    assert offered.plan is not None and offered.plan.policy() == policy


def test_what_it_needs_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_labels(label_set(responses=False), tmp_path / "labels")
    assert run("train", "majority", "--labels", tmp_path / "labels", "--out", tmp_path / "run", *HASHING) == 2
    assert "no answer can be compared with another" in capsys.readouterr().err


def test_methods_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    rows = told(capsys, "methods", "--stage", "after")
    assert [row["name"] for row in rows] == sorted(AFTER)
    assert all(row["stage"] == "after" and row["what"] and row["source"] for row in rows)
