"""Training again on fewer prompts, and the command that asks for it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anabranch.__main__ import main
from anabranch.data.labelset import read_labels
from anabranch.data.outcomes import Floats
from anabranch.routers.encoders.embed import embed
from anabranch.routers.run import Run
from anabranch.training.fit import fit, learn
from anabranch.training.relearn import prepared_again, relearn
from anabranch.training.trainer import TrainerOptions
from tests.training.conftest import LabelMaker


@pytest.fixture
def trained(make_labels: LabelMaker, tmp_path: Path) -> tuple[Path, Path, Run]:
    """Labels, folder and run: 240 prompts, 160 of them for training and validation."""
    labels = make_labels()
    run = fit(
        labels,
        tmp_path / "run",
        "ridge",
        encoder="hashing",
        tracker="disabled",
        progress=False,
        calibration="platt",
    )
    return labels, tmp_path / "run", run


def test_the_run_is_the_last_point_and_every_text_is_embedded_once(trained: tuple[Path, Path, Run]) -> None:
    labels, folder, run = trained
    prepared = prepared_again(folder, read_labels(labels), run.settings.arms)
    test = prepared.outcomes.take(prepared.splits.test)
    asked: list[str] = []
    steps: list[tuple[int, int]] = []

    def embedder(texts: Any) -> Floats:
        asked.extend(texts)
        return embed(run.encoder, texts)

    trials, notes = relearn(run, prepared, test, embedder, progress=lambda *step: steps.append(step))
    assert len(asked) == len(set(asked)) == 240
    whole = len(prepared.splits.train)
    assert [one.share for one in trials] == [1 / 8] * 3 + [1 / 4] * 3 + [1 / 2] * 3 + [1.0]
    assert [one.prompts for one in trials[-4:]] == [whole // 2 + whole % 2] * 3 + [whole]
    assert steps[0] == (0, 9) and steps[-1] == (9, 9)
    assert notes == ()
    router = run.router("r")
    assert np.array_equal(trials[-1].choice, router.decide(test.texts).arm)
    assert np.array_equal(trials[-1].best, router.decide(test.texts, 1.0).arm)


def test_training_again_on_all_prompts_is_the_run(trained: tuple[Path, Path, Run], tmp_path: Path) -> None:
    """What `prepared_again` finds is what `fit` started from, so the same settings give the same weights."""
    labels, folder, run = trained
    prepared = prepared_again(folder, read_labels(labels), run.settings.arms)
    options = TrainerOptions(tmp_path / "again", run.provenance.seed, "disabled", progress=False)
    again, _ = learn(
        run.settings, run.provenance, prepared, run.encoder, lambda texts: embed(run.encoder, texts), options
    )
    state = run.estimator.state_dict()
    assert all(np.array_equal(part, state[name]) for name, part in again.estimator.state_dict().items())


def test_a_target_out_of_reach_of_few_labels_is_told(trained: tuple[Path, Path, Run]) -> None:
    """Quality 2 is out of reach of any router, so all nine aim at best-single."""
    labels, folder, run = trained
    policy = run.settings.policy.model_copy(update={"target": "floor=2"})
    run = replace(run, settings=run.settings.model_copy(update={"policy": policy}))
    prepared = prepared_again(folder, read_labels(labels), run.settings.arms)
    test = prepared.outcomes.take(prepared.splits.test)
    _, notes = relearn(run, prepared, test, lambda texts: embed(run.encoder, texts))
    assert notes == (
        "9 of the smaller trainings could not reach floor=2 on validation and aimed at best-single instead",
    )


def test_the_command_reports_the_curve(
    trained: tuple[Path, Path, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, folder, _ = trained
    words = ["evaluate", str(folder), "--labels", str(labels), "--replicates", "50", "--learning-curve"]
    assert main([*words, "--out", str(tmp_path / "report")]) == 0
    shown = capsys.readouterr().out
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    curve = report["learning"]
    assert [round(row["share"], 3) for row in curve["rows"]] == [0.125, 0.25, 0.5, 1.0]
    assert curve["because"].split(".")[0] in shown
    assert curve["rows"][-1]["quality"] == report["routers"][0]["row"]["quality"]
    assert curve["best_single"]["value"] == next(
        row["quality"]["value"] for row in report["baselines"] if row["name"].startswith("best single")
    )
    assert "Would more labels help?" in (tmp_path / "report" / "report.html").read_text()


def test_a_bundle_or_two_runs_have_no_learning_curve(
    trained: tuple[Path, Path, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, folder, _ = trained
    for routers in ([str(folder), str(folder)], [str(tmp_path)]):
        assert main(["evaluate", *routers, "--labels", str(labels), "--learning-curve"]) == 2
        assert "trains one RUN again and needs its splits: give a single RUN folder" in capsys.readouterr().err
