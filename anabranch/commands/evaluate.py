"""anabranch evaluate"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson
from rich.console import Group
from rich.text import Text

from anabranch.commands.answer import Answer
from anabranch.commands.collect import collected
from anabranch.commands.fused_answers import read_answers
from anabranch.commands.fused_arm import FusedArm, ask
from anabranch.commands.fusion_settings import Given, fusion_settings
from anabranch.commands.recorded import recorded_answers
from anabranch.commands.routers import open_any
from anabranch.data.arms import with_arms
from anabranch.data.labelset import LabelSet, read_labels
from anabranch.data.outcomes import Outcomes
from anabranch.data.recorded_judges import recorded_judges
from anabranch.data.replay_table import ReplayTable
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
from anabranch.training.report.contents import LearningCurve, Report
from anabranch.training.report.json_view import to_json
from anabranch.training.report.write import write_report


def evaluate(
    routers: list[Path] = [],  # noqa: B006 - the parser copies it
    *,
    labels: Path,
    split: str = "test",
    out: Path | None = None,
    replicates: int = 1000,
    seed: int = 0,
    examples: int = 12,
    cache: Path | None = None,
    learning_curve: bool = False,
    fusion: str | None = None,
    models: list[str] | None = None,
    set: dict[str, Given] = {},  # noqa: B006 - the parser copies it
    weights: list[float] | None = None,
    max_tokens: int | None = None,
    device: str = "auto",
    dtype: str = "float32",
) -> Answer:
    """Measure runs, bundles and fusions of models beside the baselines, with intervals and a verdict.

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
        fusion: answer the prompts with a fused model, too, whose answers are kept in OUT/fused; how its models decide
            on a token, as `anabranch methods --stage during` lists it.
        models: that are fused: folders, ids on the hub, or pocket models.
        set: a setting of the fusion method, NAME=VALUE; as often as needed.
        weights: of the fused models; equal ones if not given.
        max_tokens: of a fused answer; as the recorded models were asked if not given.
        device: of the fused models, such as cpu or cuda:1; auto for a GPU if there is one.
        dtype: of the fused models: float32, bfloat16 or float16; auto for what the weights were saved as.
    """
    arm = _arm(fusion, models, set, weights, device, dtype)
    _refuse_vague(arm, routers, out)
    if learning_curve:
        _refuse_relearning(routers)
    opened = [open_any(path, cache) for path in routers]
    plans = [one for one in opened if isinstance(one, Plan)]
    label_set = read_labels(labels)
    test, train = _prompts(arm, routers, opened, label_set, split)
    fused, notes = None, tuple[str, ...]()
    if arm is not None and out is not None:
        asked = ask(arm, label_set, labels, split, out / "fused", max_tokens)
        if asked.summary.stopped is not None:
            return collected(asked.summary)
        fused, test, notes = read_answers(asked, label_set, test, train)
    report = measure(
        [one for one in opened if isinstance(one, Router)],
        test,
        train,
        labels=labels.name,
        plans=plans,
        table=_replayed(plans, label_set, test) if plans else None,
        fused=fused,
        split=split,
        replicates=replicates,
        seed=seed,
        examples=examples,
    )
    report = replace(report, notes=report.notes + notes)
    if learning_curve:
        ground = lay_ground(test, train, Paired.draw(len(test), replicates, seed))
        report = replace(report, learning=_relearnt(routers[0], label_set, ground, cache, seed))
    return _answer(report, out)


def _answer(report: Report, out: Path | None) -> Answer:
    shown = [renderable(report)]
    if out is not None:
        write_report(report, out)
        shown.append(Text(f"report: {out / 'report.html'}"))
    return Answer(Group(*shown), orjson.loads(to_json(report)))


def _prompts(
    arm: FusedArm | None,
    routers: Sequence[Path],
    opened: Sequence[Router | Plan],
    labels: LabelSet,
    split: str,
) -> tuple[Outcomes, Outcomes]:
    """The outcomes to measure on, which no router was trained on, and those that name the best single arm."""
    if arm is not None:
        _refuse_votes(labels)
    outcomes = with_arms(labels.outcomes(), _arms_of(opened) or _recorded(arm, labels))
    test = outcomes.split(split)
    for path in routers:
        _refuse_trained_on(path, test, split)
    return test, _train_of(outcomes, test)


def _arm(
    method: str | None,
    models: list[str] | None,
    settings: dict[str, Given],
    weights: list[float] | None,
    device: str,
    dtype: str,
) -> FusedArm | None:
    if method is None:
        if models or settings or weights:
            raise ValueError("--models, --set and --weights are of a fused model; name its method, --fusion METHOD")
        return None
    if not models:
        raise ValueError(f"--fusion {method} needs --models: two or more folders, ids on the hub, or pocket models")
    shares = None if weights is None else tuple(weights)
    arm = FusedArm(method, tuple(models), fusion_settings(method, settings), shares, device, dtype)
    arm.check()
    return arm


def _refuse_vague(arm: FusedArm | None, routers: Sequence[Path], out: Path | None) -> None:
    if arm is None and not routers:
        raise ValueError("there is nothing to evaluate; name RUN or BUNDLE folders, or a --fusion of --models")
    if arm is not None and out is None:
        raise ValueError("--fusion keeps what it answers beside the report; give --out REPORT")


def _refuse_votes(labels: LabelSet) -> None:
    if labels.labels.num_rows == 0:
        recorded_judges(labels, labels.prompt_ids)  # says why


def _recorded(arm: FusedArm | None, labels: LabelSet) -> tuple[str, ...]:
    """The fused models that have recorded answers; all models if none has."""
    return (arm.recorded(labels.arms()) if arm is not None else ()) or labels.arms()


def _replayed(plans: Sequence[Plan], labels: LabelSet, test: Outcomes) -> ReplayTable:
    """The answers to the prompts of `test`, in their order."""
    table = recorded_answers(plans, labels)
    row = {prompt_id: at for at, prompt_id in enumerate(table.prompt_ids)}
    return table.take([row[prompt_id] for prompt_id in test.prompt_ids])


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
