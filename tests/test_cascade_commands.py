"""`anabranch evaluate` and `calibrate` on cascades, from folders."""

import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from anabranch.__main__ import main
from anabranch.data.labelset import LabelSet, write_labels
from anabranch.routers.cascade_run import CascadeRun, load_cascade_run
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from tests.export.cascades import MODELS, cascade_bundle, cascade_settings
from tests.export.conftest import provenance

ANSWERS = {"wren": ("4", "5", "4", "5"), "jay": ("4", "4", "3", "5"), "owl": ("4", "4", "4", "4")}
SURE = (-0.5, -1.5, -0.5, -1.5)
PRICES = {"wren": 1.0, "jay": 4.0, "owl": 16.0}


def label_set(responses: bool = True) -> LabelSet:
    """Four prompts a split, each asking 2 + 2; the wren is surer of its right answers, jays and owls never say."""
    rows: list[dict[str, Any]] = []
    prompts: list[dict[str, str]] = []
    for split in ("train", "test"):
        for number in range(4):
            name = f"{split}{number}"
            prompts.append({"prompt_id": name, "prompt": f"2 + 2? {split} {number}", "split": split})
            for model, said in ANSWERS.items():
                row: dict[str, Any] = {"prompt_id": name, "model": model, "cost_usd": PRICES[model]}
                row["quality"] = float(said[number] == "4")
                row["logprob_stats"] = {"tokens": 1, "mean": SURE[number], "min": -9.0} if model == "wren" else None
                rows.append(row | ({"response": said[number]} if responses else {}))
    return LabelSet(pa.Table.from_pylist(prompts), pa.Table.from_pylist(rows))


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    write_labels(label_set(), tmp_path / "labels")
    return tmp_path / "labels"


def run_of(folder: Path, *policies: Deferral, **changes: Any) -> Path:
    """A RUN that was trained on the train prompts, and is calibrated to the last of its policies."""
    settings = cascade_settings(*policies, **{"tradeoff": 1.0, "answers": None, **changes})
    CascadeRun(settings, provenance(), {}).save(folder)
    (folder / "splits.json").write_text(json.dumps({"train": [f"train{n}" for n in range(4)]}))
    return folder


def evaluated(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    capsys.readouterr()
    assert main(["evaluate", *map(str, words), "--replicates", "20", "--json"]) == 0
    return orjson.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    capsys.readouterr()
    assert main(["evaluate", *map(str, words)]) == 2
    return capsys.readouterr().err


def test_a_run_and_a_bundle(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The wren's two right answers are kept, the owl answers the others: 1.0 for (1 + 17 + 1 + 17) / 4 = 9.

    The bundle holds other stops, calibrated to all birds in turn, at the chances 0.25 and 0.75 of the wren and none of
    the jay: its jay is never sure, so that the owl answers for 1 + 4 + 16.
    """
    run = run_of(tmp_path / "run", ThresholdChain((0,), (), "chance"), ThresholdChain((0, 2), (0.5,), "chance"))
    cascade_bundle(tmp_path / "bundle", cascade_settings(answers=None))
    report = evaluated(capsys, run, tmp_path / "bundle", "--labels", labels)
    first, second = report["routers"]
    assert [(one["row"]["name"], one["row"]["kind"]) for one in (first, second)] == [
        ("run", "cascade"),
        ("bundle", "cascade"),
    ]
    assert report["arms"] == list(MODELS)
    assert (first["row"]["quality"]["value"], first["row"]["cost"]["value"]) == (1.0, 9.0)
    assert second["row"]["cost"]["value"] == (1 + 21 + 1 + 21) / 4
    assert first["calls"]["answered"] == {"wren": 0.5, "jay": 0.0, "owl": 0.5}
    assert report["agreements"] == [], "their policies differ"


def test_beside_a_router(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cascade of two of the router's arms, in another order than the router has them."""
    train = ("train", "zero", "--labels", labels, "--out", tmp_path / "zero")
    assert main([*map(str, train), "--encoder", "hashing", "--tracker", "disabled", "--validation-share", "0.5"]) == 0
    run = run_of(tmp_path / "run", ThresholdChain((1, 0), (0.5,), "chance"), models=("owl", "wren"))
    report = evaluated(capsys, run, tmp_path / "zero", "--labels", labels)
    assert report["arms"] == ["jay", "owl", "wren"]
    assert [one["row"]["kind"] for one in report["routers"]] == ["router", "cascade"]
    assert report["routers"][1]["row"]["cost"]["value"] == 9.0
    assert report["routers"][1]["shares"] == {"jay": 0.0, "owl": 2 / 6, "wren": 4 / 6}


def test_answers_are_compared_as_the_cascade_says(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wren and jay agree on the first and the last prompt, wrongly there: 3/4 for (5 + 21 + 21 + 5) / 4."""
    run = run_of(tmp_path / "run", SemanticAgreement((0, 1, 2), 0.5), answers="number")
    found = evaluated(capsys, run, "--labels", labels)["routers"][0]
    assert (found["row"]["quality"]["value"], found["row"]["cost"]["value"]) == (0.75, 13.0)
    other = run_of(tmp_path / "other", SemanticAgreement((0, 1, 2), 0.5), answers="text")
    assert "read answers as number and as text" in refused(capsys, run, other, "--labels", labels)


def test_what_cannot_be_evaluated(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = run_of(tmp_path / "run", ThresholdChain((0, 2), (0.5,), "chance"))
    assert "was trained on 4 of these validation prompts" in refused(
        capsys,
        run_of(tmp_path / "leaky", ThresholdChain((0,), (), "chance")),
        "--labels",
        _relabelled(tmp_path),
        "--split",
        "validation",
    )
    strange = run_of(tmp_path / "strange", ThresholdChain((0,), (), "chance"), models=("dodo", "owl"))
    assert "dodo" in refused(capsys, strange, "--labels", labels)
    assert "give a single RUN folder" in refused(capsys, run, "--labels", labels, "--learning-curve")


def test_a_run_is_calibrated_on_its_validation_prompts(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The wren alone has 0.5 for 1, with the owl 1.0 for 9: the least that reaches 0.4, and the most for 10 USD."""
    run = run_of(tmp_path / "run", ThresholdChain((0,), (), "chance"), ThresholdChain((0, 2), (0.5,), "chance"))
    splits = {"train": [], "validation": [f"train{n}" for n in range(4)]}
    (run / "splits.json").write_text(json.dumps(splits))
    for target, tradeoff, quality, cost in (("floor=0.4", 0.0, 0.5, 1.0), ("budget=10", 1.0, 1.0, 9.0)):
        capsys.readouterr()
        assert main(["calibrate", str(run), "--labels", str(labels), "--target", target, "--json"]) == 0
        found = orjson.loads(capsys.readouterr().out)
        assert (found["tradeoff"], found["quality"], found["cost_usd"]) == (tradeoff, quality, cost)
        settings = load_cascade_run(run).settings
        assert (settings.tradeoff, settings.target) == (tradeoff, target)
    assert main(["calibrate", str(run), "--labels", str(labels), "--target", "strong=0.5"]) == 2
    assert "several models for one prompt" in capsys.readouterr().err


def _relabelled(folder: Path) -> Path:
    """Its train prompts are validation prompts."""
    given = label_set()
    splits = ["validation" if split == "train" else split for split in given.splits]
    prompts = given.prompts.set_column(given.prompts.column_names.index("split"), "split", pa.array(splits))
    write_labels(LabelSet(prompts, given.labels), folder / "relabelled")
    return folder / "relabelled"
