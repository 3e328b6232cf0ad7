"""The command line as a person meets it, in a process of its own where that matters."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest

from anabranch.__main__ import main
from anabranch.commands.recipe_flags import recipe_flags
from anabranch.data.labelset import read_labels, write_labels
from anabranch.training.fit_options import FitOptions
from examples.two_skills import label_set

HASHING = ["--encoder", "hashing", "--tracker", "disabled"]


def run(*words: object, expect: int = 0) -> None:
    assert main([str(word) for word in words]) == expect


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> Any:
    capsys.readouterr()
    run(*words, "--json")
    return orjson.loads(capsys.readouterr().out)


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    write_labels(label_set(), tmp_path / "labels")
    return tmp_path / "labels"


def test_the_main_job(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Labels, router, curve, bundle, decision; the bundle decides every test prompt as the run does."""
    described = answer(capsys, "data", "describe", labels)
    assert described["prompts"] == 240
    trained = answer(capsys, "train", "logistic", "--labels", labels, "--out", tmp_path / "run", "--l2", "2", *HASHING)
    assert trained["prompts"] == {"train": 136, "validation": 24, "test": 80, "left_out": 0}
    calibrated = answer(capsys, "calibrate", tmp_path / "run", "--labels", labels, "--target", "floor=0.8")
    assert calibrated["quality"] >= 0.8
    run("evaluate", tmp_path / "run", "--labels", labels, "--out", tmp_path / "first")
    bundle = ("--out", tmp_path / "bundle", "--labels", labels, "--report", tmp_path / "first")
    exported = answer(capsys, "export", tmp_path / "run", *bundle)
    assert exported["arms"] == ["adder", "poet", "sage"]
    assert "| trade-off | mean quality | USD a request |" in (tmp_path / "bundle" / "README.md").read_text()
    report = answer(
        capsys, "evaluate", tmp_path / "run", tmp_path / "bundle", "--labels", labels, "--out", tmp_path / "report"
    )
    assert [one["row"]["name"] for one in report["routers"]] == ["run", "bundle"]
    assert {"value", "low", "high"} == report["routers"][0]["row"]["quality"].keys()
    assert report["agreements"][0]["unequal_beyond_ties"] == 0
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "report.json", "report.png"}
    routed = answer(capsys, "route", tmp_path / "bundle", "add plus total seven twelve")
    assert routed["arm"] == "adder"
    inspected = answer(capsys, "inspect", tmp_path / "bundle")
    assert inspected["arms"] == ["adder", "poet", "sage"]


def test_settings_may_come_from_a_file(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "train.yaml").write_text("encoder: hashing\ntracker: disabled\nsettings:\n  k: 7\n")
    run("train", "knn", "--config", tmp_path / "train.yaml", "--labels", labels, "--out", tmp_path / "run")
    contents = json.loads((tmp_path / "run" / "run.json").read_text())
    assert contents["router"]["recipe_settings"] == {"k": 7}


def test_a_recipe_has_the_flags_of_what_it_was_told_to_be(labels: Path, tmp_path: Path) -> None:
    flags = ("--estimates", "mlp", "--epochs", "2", "--hidden", "8")
    run("train", "carrot", *flags, "--labels", labels, "--out", tmp_path / "run", *HASHING)
    contents = json.loads((tmp_path / "run" / "run.json").read_text())
    assert contents["router"]["recipe_settings"] == {"estimates": "mlp", "epochs": 2, "hidden": 8}


@pytest.mark.parametrize("words", [["carrot", "--epochs", "2"], ["to-router", "--kind=knn", "--epochs=2"]])
def test_a_flag_of_another_kind_is_left_to_the_command(words: list[str]) -> None:
    """What does not descend has no epochs, so that the command refuses the flag; the kind itself is taken."""
    _, others = recipe_flags(words)
    assert [word for word in others if "epochs" in word] and not [word for word in others if "kind" in word]


def test_the_help_of_a_recipe_shows_the_descent_of_what_was_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    for words, shown in ((["--estimates", "mlp"], True), ([], False)):
        recipe_flags(["carrot", *words, "--help"])
        assert ("--epochs EPOCHS" in capsys.readouterr().out) == shown


MEMBERS = ("--members", '[{"recipe": "ridge"}, {"recipe": "knn", "k": 20}]')


def test_train_shows_its_options_and_no_others(capsys: pytest.CaptureFixture[str]) -> None:
    """What one part of the house hands another, such as arrays, is no flag."""
    with pytest.raises(SystemExit):
        main(["train", "zero", "--help"])
    shown = set(re.findall(r"^ +--(\w+)", capsys.readouterr().out, re.MULTILINE))
    own = {"labels", "out", "settings", "config", "help", "print_config"}
    assert shown - own == {field.name for field in fields(FitOptions)}


def test_auto_says_what_it_found(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "train", "auto", *MEMBERS, "--labels", labels, "--out", tmp_path / "run", *HASHING)
    assert found["auto"] == json.loads((tmp_path / "run" / "auto.json").read_text())
    assert found["auto"]["word"] in {"route", "do not route", "not enough data"}
    assert found["auto"]["prompts"] == found["prompts"]["train"] == 160
    names = [one["name"] for one in found["auto"]["candidates"]]
    assert (names[0], sorted(names[1:])) == ("stack", ["knn k=20", "ridge"])
    assert found["auto"]["candidates"][0]["gain"].keys() == {"value", "low", "high"}
    assert json.loads((tmp_path / "run" / "run.json").read_text())["router"]["recipe"] == "stack"


@pytest.mark.slow
def test_what_auto_writes_is_a_router_like_any_other(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("train", "auto", *MEMBERS, "--labels", labels, "--out", tmp_path / "run", *HASHING)
    run("export", tmp_path / "run", "--out", tmp_path / "bundle", "--labels", labels)
    both = (tmp_path / "run", tmp_path / "bundle")
    report = answer(capsys, "evaluate", *both, "--labels", labels, "--out", tmp_path / "report")
    assert report["agreements"][0]["unequal_beyond_ties"] == 0
    assert report["routers"][0]["row"]["gain"]["value"] > -0.1
    assert answer(capsys, "route", tmp_path / "bundle", "add plus total seven twelve")["arm"] == "adder"


def test_auto_shows_every_candidate_and_the_word(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("train", "auto", "--members", '[{"recipe": "zero"}]', "--labels", labels, "--out", tmp_path / "run", *HASHING)
    shown = capsys.readouterr().out
    assert all(word in shown for word in ("stack", "zero", "best single: sage", "one-sided 95 % bound"))
    assert "what is written never reads the prompt" in shown
    assert json.loads((tmp_path / "run" / "run.json").read_text())["router"]["recipe"] == "zero"


def test_the_help_of_auto_lists_the_settings_of_the_stack(capsys: pytest.CaptureFixture[str]) -> None:
    recipe_flags(["auto", "--help"])
    assert "--members" in capsys.readouterr().out


def test_models_are_a_comma_list(labels: Path, tmp_path: Path) -> None:
    run("train", "ridge", "--labels", labels, "--out", tmp_path / "run", "--models", "sage,poet", *HASHING)
    assert json.loads((tmp_path / "run" / "run.json").read_text())["router"]["arms"] == ["sage", "poet"]


def test_split_makes_a_set_trainable(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = read_labels(labels)
    write_labels(type(whole)(whole.prompts.drop_columns(["split"]), whole.labels), tmp_path / "bare")
    counts = answer(capsys, "data", "split", tmp_path / "bare", "--out", tmp_path / "split", "--test_share", "0.25")
    assert sum(counts.values()) == 240
    assert counts["test"] == pytest.approx(60, abs=2)
    run("train", "ridge", "--labels", tmp_path / "split", "--out", tmp_path / "run", *HASHING)


def test_reprice_writes_new_costs(tmp_path: Path) -> None:
    """20 prompt tokens at 1e-6 and 30 completion tokens at 2e-6 are 8e-5 USD."""
    write_labels(label_set(30, tokens=True), tmp_path / "labels")
    price = {"input_cost_per_token": 1e-6, "output_cost_per_token": 2e-6}
    (tmp_path / "prices.json").write_bytes(orjson.dumps({model: price for model in ("adder", "poet", "sage")}))
    run("data", "reprice", tmp_path / "labels", "--prices", tmp_path / "prices.json", "--out", tmp_path / "new")
    assert read_labels(tmp_path / "new").outcomes().cost_usd.max() == pytest.approx(8e-5)


def test_methods_lists_every_router_fusion_and_cascade(capsys: pytest.CaptureFixture[str]) -> None:
    from anabranch.routers.registry import ROUTERS
    from anabranch.serving.fusion.during.registry import FUSIONS
    from anabranch.training.after.registry import AFTER
    from anabranch.training.cascades.registry import CASCADES

    rows = answer(capsys, "methods")
    assert {(row["name"], row["stage"]) for row in rows} == {
        *((name, "before") for name in ROUTERS),
        *((name, "during") for name in FUSIONS),
        *((name, "after") for name in AFTER),
        *((name, "cascade") for name in CASCADES),
    }
    assert all(row["what"] for row in rows)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["route", "nowhere", "hi"], "anabranch route: "),
        (["train", "kn", "--labels", "x", "--out", "y"], "unknown recipe 'kn' (did you mean 'knn'?)"),
        (["train", "knn", "--labels", "nowhere", "--out", "y"], "nowhere/prompts.parquet not found"),
        (["evaluate", "nowhere", "--labels", "x"], "neither a RUN (run.json) nor a BUNDLE (manifest.json)"),
        (["fly"], "unknown command 'fly'"),
    ],
)
def test_mistakes_end_in_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(*words, expect=2)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_evaluating_on_train_prompts_is_refused(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("train", "ridge", "--labels", labels, "--out", tmp_path / "run", *HASHING)
    whole = read_labels(labels)
    place = whole.prompts.column_names.index("split")
    renamed = whole.prompts.set_column(place, "split", [["test"] * whole.prompts.num_rows])
    write_labels(type(whole)(renamed, whole.labels), tmp_path / "leaky")
    run("evaluate", tmp_path / "run", "--labels", tmp_path / "leaky", expect=2)
    assert "was trained on 136 of these test prompts" in capsys.readouterr().err


def test_empty_split_is_refused(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("train", "ridge", "--labels", labels, "--out", tmp_path / "run", *HASHING)
    run("evaluate", tmp_path / "run", "--labels", labels, "--split", "validation", expect=2)
    assert "split 'validation' is empty; splits with prompts: ['test', 'train']" in capsys.readouterr().err


def test_help_needs_nothing_heavy() -> None:
    """The overview must come at once, so it may not load torch, pandas or pyarrow."""
    heavy = {"torch", "pandas", "pyarrow", "transformers", "numpy"}
    shown = f"print(sorted({heavy} & set(sys.modules)))"
    code = f"import sys; from anabranch.__main__ import main; main(['--help']); {shown}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("\n[]")
    assert "train" in done.stdout
