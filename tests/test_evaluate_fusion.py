"""`anabranch evaluate --fusion` on pocket models: asked, judged and measured beside what is recorded of them."""

import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from rich.console import Console

from anabranch.__main__ import main
from anabranch.data.collection.collect import Collection
from anabranch.data.collection.ledger import read_ledger
from anabranch.data.collection.prompts import prompt_set
from anabranch.data.judges import JUDGES
from anabranch.data.labelset import LabelSet, read_labels, write_labels
from anabranch.data.pocket_prompts import pocket_prompts
from anabranch.registry import resolve
from anabranch.upstreams.pocket.members import MEMBERS
from anabranch.upstreams.pocket.pool import pocket_pool

OWL, HERON = "pocket-owl", "pocket-heron"
GAC = ("--fusion", "gac", "--models", f"{OWL},{HERON}")
TEST = 12


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few prompts to train on, and as many to test on, answered by two pocket models."""
    folder = tmp_path_factory.mktemp("pocket") / "labels"
    pool = pocket_pool().choose((OWL, HERON))
    Collection(pool, prompt_set(pocket_prompts(TEST, TEST)), folder).run(Console(file=io.StringIO()))
    return folder


def evaluate(capsys: pytest.CaptureFixture[str], labels: Path, *words: object) -> Any:
    capsys.readouterr()
    assert main(["evaluate", *map(str, words), "--labels", str(labels), "--replicates", "50", "--json"]) == 0
    return orjson.loads(capsys.readouterr().out)


def refusal(capsys: pytest.CaptureFixture[str], labels: Path, *words: object) -> str:
    capsys.readouterr()
    assert main(["evaluate", *map(str, words), "--labels", str(labels)]) == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return error


def test_it_is_asked_judged_and_priced_beside_its_models(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All its figures once more by hand, from the answers that lie beside the report."""
    report = evaluate(capsys, labels, *GAC, "--out", tmp_path)
    fused, answers = report["fusion"], read_labels(tmp_path / "fused")
    rows = answers.labels.to_pylist()
    assert {row["prompt_id"] for row in rows} == {f"test-{TEST + number:05}" for number in range(TEST)}

    prompts = {row["prompt_id"]: row for row in answers.prompts.to_pylist()}
    asked = [(prompts[row["prompt_id"]], row["response"]) for row in rows]
    scores = [resolve(one["judge"], JUDGES, "judge").score(text, one["reference"]) for one, text in asked]
    assert fused["row"]["quality"]["value"] == pytest.approx(np.mean(scores))

    price = np.mean([MEMBERS[name].prices["input_cost_per_token"] for name in (OWL, HERON)])
    usd = [price * (row["prompt_tokens"] + 4 * row["completion_tokens"]) for row in rows]
    assert fused["row"]["cost"]["value"] == pytest.approx(np.mean(usd), rel=1e-4)
    assert fused["priced"].startswith("its cost is an estimate and no bill")
    assert all(row["cost_usd"] is None for row in rows)  # what is kept is no estimate

    recorded = read_labels(labels).outcomes((OWL, HERON)).split("test")
    alone = {row["name"]: row for row in fused["members"]}
    assert [alone[name]["quality"]["value"] for name in (OWL, HERON)] == pytest.approx(recorded.quality.mean(axis=0))
    assert alone[OWL]["cost"]["value"] == pytest.approx(recorded.cost_usd[:, 0].mean())
    best = alone[fused["best_member"]]["quality"]["value"]
    assert fused["over_best_member"]["value"] == pytest.approx(np.mean(scores) - best)
    assert fused["computed_tokens"]["value"] == pytest.approx(np.mean([row["completion_tokens"] for row in rows]))
    assert fused["tokens_per_s"] / fused["prompts_per_s"] == pytest.approx(fused["computed_tokens"]["value"])
    assert report["arms"] == [OWL, HERON] and report["routers"] == []


@pytest.mark.slow
def test_it_is_asked_as_its_models_were(labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """At temperature 0 and for 64 tokens at most, as the ledger of the labels says; otherwise a note tells."""
    assert evaluate(capsys, labels, *GAC, "--out", tmp_path / "as")["notes"] == []
    ((settings,),) = read_ledger(tmp_path / "as" / "fused" / "ledger.sqlite").execute("SELECT settings FROM models")
    told = orjson.loads(settings)
    assert (told["temperature"], told["max_tokens"]) == (0.0, 64)
    shorter = evaluate(capsys, labels, *GAC, "--max-tokens", "9", "--out", tmp_path / "short")
    assert shorter["notes"] == ["the fusion was given 9 tokens an answer, the recorded models 64"]

    write_labels(read_labels(labels), tmp_path / "bare")  # no ledger
    unknown = evaluate(capsys, tmp_path / "bare", *GAC, "--max-tokens", "9", "--out", tmp_path / "third")
    (note,) = unknown["notes"]
    assert note.startswith("how the recorded models were asked is not known;") and note.endswith("at most 9 tokens")


@pytest.mark.slow
def test_answers_are_kept_and_not_asked_for_again(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = evaluate(capsys, labels, *GAC, "--out", tmp_path)["fusion"]
    again = evaluate(capsys, labels, *GAC, "--out", tmp_path)["fusion"]
    assert (again["tokens_per_s"], again["prompts_per_s"]) == (None, None)
    assert again["row"] == first["row"]
    other = evaluate(capsys, labels, *GAC, "--weights", "1,0", "--out", tmp_path)["fusion"]
    assert other["row"]["name"] == "gac(pocket-owl*1, pocket-heron*0)"
    assert other["row"]["quality"]["value"] == other["members"][0]["quality"]["value"]
    assert read_labels(tmp_path / "fused").arms() == (
        "gac(pocket-owl*1, pocket-heron*0)",
        "gac(pocket-owl, pocket-heron)",
    )


@pytest.mark.slow
@pytest.mark.parametrize("words", [("me",), ("gac", "--set", "threshold=0.5")])
def test_where_not_all_are_asked_its_cost_is_not_known(
    words: tuple[str, ...], labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fused = evaluate(capsys, labels, "--fusion", *words, "--models", f"{OWL},{HERON}", "--out", tmp_path)["fusion"]
    assert fused["row"]["cost"] is None
    assert "not every model was asked for every token" in fused["priced"]
    assert "against the best single model" in fused["verdict"]["because"]


@pytest.mark.slow
def test_models_without_recorded_answers_are_not_compared_with(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--fusion", "gac", "--models", "pocket-wren,pocket-robin", "--out", tmp_path)
    report = evaluate(capsys, labels, *given)
    assert report["arms"] == [HERON, OWL]  # all that is recorded
    fused = report["fusion"]
    assert (fused["members"], fused["best_member"], fused["row"]["cost"]) == ([], "", None)
    assert "not all of its models have recorded answers" in fused["priced"]


@pytest.mark.slow
def test_a_run_is_measured_on_the_same_prompts(
    labels: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hashing = ["--encoder", "hashing", "--tracker", "disabled"]
    assert main(["train", "zero", "--labels", str(labels), "--out", str(tmp_path / "run"), *hashing]) == 0
    report = evaluate(capsys, labels, tmp_path / "run", *GAC, "--out", tmp_path / "report")
    assert ([one["row"]["name"] for one in report["routers"]], report["prompts"]) == (["run"], TEST)
    assert report["notes"] == [
        "each of the 2 verdicts is a test at 5 % of its own; the best of many is partly luck",
    ]
    assert (
        main(["evaluate", str(tmp_path / "run"), "--labels", str(labels), *GAC, "--out", str(tmp_path / "report")]) == 0
    )
    shown = capsys.readouterr().out
    assert "gac(pocket-owl, pocket-heron)  not enough data" in shown
    assert "the best of its models" in shown and "an estimate and no bill" in shown.replace("\n  ", " ")


def changed(labels: Path, folder: Path, change: Callable[[LabelSet], LabelSet]) -> Path:
    write_labels(change(read_labels(labels)), folder)
    return folder


def with_column(table: pa.Table, name: str, value: str | None) -> pa.Table:
    column = pa.array([value] * table.num_rows, pa.string())
    return table.set_column(table.column_names.index(name), name, column)


def votes_only(labels: LabelSet) -> LabelSet:
    vote = {"prompt_id": [labels.prompt_ids[-1]], "model_a": [OWL], "model_b": [HERON], "winner": ["a"]}
    return replace(labels, labels=labels.labels.slice(0, 0), preferences=pa.table(vote))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (votes_only, "these prompts have votes, and those who voted cannot be asked about an answer that is new"),
        (lambda one: replace(one, labels=one.labels.drop_columns(["judge"])), "name no judge (column judge)"),
        (lambda one: replace(one, labels=with_column(one.labels, "judge", "oracle")), "unknown judge 'oracle'"),
        (lambda one: replace(one, labels=with_column(one.labels, "judge_version", "0")), "and this is version 1; run"),
        (lambda one: replace(one, prompts=one.prompts.drop_columns(["reference"])), "has no reference"),
    ],
)
def test_what_nobody_can_judge_again_is_refused(
    change: Callable[[LabelSet], LabelSet],
    message: str,
    labels: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = changed(labels, tmp_path / "other", change)
    assert message in refusal(capsys, other, *GAC, "--out", tmp_path / "report")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "there is nothing to evaluate; name RUN or BUNDLE folders, or a --fusion of --models"),
        ([*GAC], "--fusion keeps what it answers beside the report; give --out REPORT"),
        (["--fusion", "gac"], "--fusion gac needs --models"),
        (["--models", f"{OWL},{HERON}"], "are of a fused model; name its method, --fusion METHOD"),
        (["--fusion", "gca", "--models", f"{OWL},{HERON}"], "unknown fusion method 'gca' (did you mean 'gac'?)"),
        (["--fusion", "gac", "--models", f"{OWL},pocket-hero"], "no pocket model is called 'pocket-hero'"),
        ([*GAC, "--set", "threshold=half"], "threshold of fusion method 'gac' is 'half'; it must be float"),
        ([*GAC, "--set", "threshold=7"], "threshold 7.0"),
        ([*GAC, "--weights", "1"], "weights [1.0]: 2 members need as many weights"),
        ([*GAC, "--out", "report", "--split", "validation"], "split 'validation' is empty"),
    ],
)
def test_what_cannot_be_is_refused_before_anybody_is_asked(
    words: list[str],
    message: str,
    labels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, labels, *words)
    assert list(tmp_path.iterdir()) == []


def done(report: Path) -> set[tuple[str, str]]:
    query = "SELECT prompt_id, response FROM answers WHERE state = 'done'"
    return set(read_ledger(report / "fused" / "ledger.sqlite").execute(query))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_stopped_at_any_moment_it_goes_on_where_it_was(
    number: signal.Signals, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answers that were there are there, and are not asked for again."""
    folder, report = tmp_path / "labels", tmp_path / "report"
    pool = pocket_pool().choose((OWL, HERON))
    Collection(pool, prompt_set(pocket_prompts(0, 300)), folder).run(Console(file=io.StringIO()))
    words = ["evaluate", *GAC, "--labels", str(folder), "--out", str(report)]
    running = subprocess.Popen([sys.executable, "-m", "anabranch", *words], stdout=subprocess.PIPE, text=True)
    while not (report / "fused" / "ledger.sqlite").exists() or not done(report):
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(number)
    shown, _ = running.communicate(timeout=60)
    before = done(report)
    assert 0 < len(before) < 300
    if number == signal.SIGINT:
        assert running.returncode == 130
        assert "stopped by SIGINT; run the same command again to go on" in shown
    found = evaluate(capsys, folder, *GAC, "--out", report)
    assert (found["prompts"], len(done(report))) == (300, 300)
    assert before <= done(report)
