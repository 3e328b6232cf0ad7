"""What the benchmark of neural caching measures."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet, write_labels
from anabranch.training.streams.registry import RULES
from benchmarks.neural_caching import BASELINES, RIGHT, _figure, main, measured, world


def test_the_large_model_of_a_world_is_right_nine_times_in_ten() -> None:
    """Of 4000 queries, a deviation of sqrt(0.09 / 4000) = 0.005; within 4 of them. What is said is judged by truth."""
    stream = world(0.15, 4000, seed=0)
    assert stream.quality.mean() == pytest.approx(RIGHT, abs=0.02)
    said = [lesson.answer for lesson in stream.lessons if lesson is not None]
    assert [float(one == two) for one, two in zip(said, stream.truth, strict=True)] == stream.quality.tolist()


def test_all_rules_are_measured_at_the_same_budget_losers_too() -> None:
    found = measured(lambda seed: world(0.15, 120, seed), [0.25], seeds=2, explore=0.05)
    rows = {row["rule"]: row for row in found["rows"]}
    assert sorted(rows) == sorted(RULES)
    assert {row["calls"] for row in rows.values()} == {30}
    for baseline in BASELINES:
        assert f"gain_over_{baseline}" not in rows[baseline]
        gain = rows["margin"][f"gain_over_{baseline}"]["mean"]
        assert gain == pytest.approx(rows["margin"]["accuracy"]["mean"] - rows[baseline]["accuracy"]["mean"], abs=2e-4)


def test_an_interval_is_students() -> None:
    """Of 0 and 1: mean 1/2, deviation 1 / sqrt(2), error 1/2, times 12.7062 of one degree of freedom."""
    assert _figure([0.0, 1.0]) == {"mean": 0.5, "low": -5.8531, "high": 6.8531}


def test_what_is_not_known_is_null() -> None:
    assert _figure([0.5, np.nan]) == {"mean": None, "low": None, "high": None}
    assert _figure([0.5]) == {"mean": 0.5, "low": None, "high": None}


def test_a_label_set_streams(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of 41 prompts one has no known right answer, and a budget of half of the others is 20 calls at half a USD."""
    names = [f"p{row}" for row in range(41)]
    sides = ["up" if row % 2 else "down" for row in range(41)]
    prompts = pa.table(
        {"prompt_id": names, "prompt": [f"{side} {name}" for side, name in zip(sides, names, strict=True)]}
    )
    labels = pa.table(
        {
            "prompt_id": names,
            "model": ["owl"] * 41,
            "quality": [1.0] * 40 + [0.0],
            "cost_usd": [0.5] * 41,
            "response": sides,
        }
    )
    write_labels(LabelSet(prompts, labels), tmp_path / "labels")
    options = ["--answers", "text", "--encoder", "hashing", "--cache", str(tmp_path / "cache"), "--seeds", "2"]
    main(["--labels", str(tmp_path / "labels"), "--arm", "owl", "--budgets", "0.5", *options])
    found = json.loads(capsys.readouterr().out)["labels owl"]
    assert (found["queries"], found["large_model"]["mean"]) == (40, 1.0)
    assert {(row["calls"], row["usd"]) for row in found["rows"]} == {(20.0, 10.0)}


def test_labels_without_an_arm_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--labels", "somewhere"])
    assert "--labels needs --arm" in capsys.readouterr().err
