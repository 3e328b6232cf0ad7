"""anabranch evaluate"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
from rich.console import Group
from rich.text import Text

from anabranch.commands.answer import Answer
from anabranch.commands.recorded import recorded_answers
from anabranch.commands.routers import open_any
from anabranch.data.arms import with_arms
from anabranch.data.labelset import LabelSet, read_labels
from anabranch.data.outcomes import Outcomes
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.router import Router
from anabranch.routers.run import load_run
from anabranch.training.evaluate import evaluate as measure
from anabranch.training.examples import cached_embedder
from anabranch.training.ground import Ground, lay_ground
from anabranch.training.learning_curve import learning_curve as measure_learning
from anabranch.training.paired import Paired
from anabranch.training.progress import training_progress
from anabranch.training.relearn import prepared_again, relearn
from anabranch.training.report.console import renderable
from anabranch.training.report.contents import LearningCurve
from anabranch.training.report.json_view import to_json
from anabranch.training.report.write import write_report


def evaluate(
    routers: list[Path],
    *,
    labels: Path,
    split: str = "test",
    out: Path | None = None,
    replicates: int = 1000,
    seed: int = 0,
    examples: int = 12,
    cache: Path | None = None,
    learning_curve: bool = False,
) -> Answer:
    """Measure runs and bundles beside the baselines, with intervals and a verdict.

    Args:
        routers: RUN or BUNDLE folders of routers, all of the same arms, or of cascades of models among these.
        labels: label-set folder.
        split: the prompts to measure on.
        out: REPORT folder to write: report.html, report.png, report.json.
        replicates: of the bootstrap.
        seed: of the bootstrap, and of which examples are shown.
        examples: decisions shown a router in the report; 0 keeps prompts out of it.
        cache: folder of the embedding cache.
        learning_curve: train the one RUN again on fewer of its prompts, to see whether more labels would help.
    """
    if learning_curve:
        _refuse_relearning(routers)
    opened = [open_any(path, cache) for path in routers]
    plans = [one for one in opened if isinstance(one, Plan)]
    label_set = read_labels(labels)
    outcomes = with_arms(label_set.outcomes(), _arms_of(opened))
    test = outcomes.split(split)
    for path in routers:
        _refuse_trained_on(path, test, split)
    report = measure(
        [one for one in opened if isinstance(one, Router)],
        test,
        _train_of(outcomes, test),
        labels=labels.name,
        plans=plans,
        table=recorded_answers(plans, label_set).split(split) if plans else None,
        split=split,
        replicates=replicates,
        seed=seed,
        examples=examples,
    )
    if learning_curve:
        ground = lay_ground(test, _train_of(outcomes, test), Paired.draw(len(test), replicates, seed))
        report = replace(report, learning=_relearnt(routers[0], label_set, ground, cache, seed))
    shown = [renderable(report)]
    if out is not None:
        write_report(report, out)
        shown.append(Text(f"report: {out / 'report.html'}"))
    return Answer(Group(*shown), orjson.loads(to_json(report)))


def _arms_of(opened: Sequence[Router | Plan]) -> tuple[str, ...]:
    """The arms of the routers; without any, all models of the cascades."""
    arms = next((one.arms for one in opened if isinstance(one, Router)), None)
    return arms or tuple(dict.fromkeys(name for one in opened if isinstance(one, Plan) for name in one.models))


def _refuse_relearning(routers: Sequence[Path]) -> None:
    if len(routers) != 1 or not (routers[0] / "run.json").exists():
        raise ValueError(
            "--learning-curve trains one RUN again and needs its splits: give a single RUN folder, "
            f"not {', '.join(str(path) for path in routers)}"
        )


def _relearnt(folder: Path, labels: LabelSet, ground: Ground, cache: Path | None, seed: int) -> LearningCurve:
    run = load_run(folder)
    prepared = prepared_again(folder, labels, run.settings.arms)
    embedder = cached_embedder(run.encoder, cache, progress=True)
    with training_progress("training on fewer prompts") as progress:
        trials, notes = relearn(run, prepared, ground.table, embedder, seed=seed, progress=progress)
    return measure_learning(trials, ground, validation=len(prepared.splits.validation), seed=seed, notes=notes)


def _train_of(outcomes: Outcomes, test: Outcomes) -> Outcomes:
    """The prompts that name the best single arm; with no train split it is named in hindsight, which favours it."""
    return outcomes.split("train") if "train" in outcomes.splits else test


def _refuse_trained_on(path: Path, test: Outcomes, split: str) -> None:
    if split == "train" or not (path / "splits.json").exists():
        return
    learnt: Sequence[str] = json.loads((path / "splits.json").read_text())["train"]
    seen = set(learnt) & set(test.prompt_ids)
    if seen:
        raise ValueError(f"{path} was trained on {len(seen)} of these {split} prompts; name a split it has not seen")
