"""anabranch calibrate"""

from dataclasses import asdict, replace
from pathlib import Path

from anabranch.commands.answer import Answer
from anabranch.commands.recorded import recorded_answers
from anabranch.commands.routers import open_plan
from anabranch.data.labelset import read_labels
from anabranch.routers.cascade_run import CASCADE_FILE, load_cascade_run
from anabranch.routers.run import load_run
from anabranch.routers.run_splits import labelled_split, read_unseen
from anabranch.training.calibrate import Calibrated, Target, settle
from anabranch.training.cascades.settle import settled as settled_plan
from anabranch.training.control import ControlledRisk
from anabranch.training.examples import cached_embedder
from anabranch.training.fit import refuse_promises
from anabranch.training.recall import recalled


def calibrate(run: Path, *, labels: Path, target: str, cache: Path | None = None) -> Answer:
    """Set a run's trade-off to meet a target on its validation prompts.

    Args:
        run: RUN folder; its run.json or cascade.json is rewritten.
        labels: the label set it was trained on.
        target: budget=USD, floor=QUALITY or best-single; of a router also strong=SHARE or risk=SHARE.
        cache: folder of the embedding cache.
    """
    if (run / CASCADE_FILE).exists():
        return _calibrated_cascade(run, labels, target, cache)
    trained = load_run(run)
    label_set, arms = read_labels(labels), trained.settings.arms
    train, validation = (labelled_split(run, name, label_set, arms) for name in ("train", "validation"))
    embedder = None if trained.settings.encoder_trained else cached_embedder(trained.encoder, cache, progress=True)
    aim, router, unseen = Target.parse(target), trained.router("", embedder), read_unseen(run)
    if unseen is not None:
        refuse_promises(aim)
        router = replace(router, estimate=recalled(validation.texts, unseen))
    settled, reached = settle(trained, router, train, validation, aim)
    settled.save(run)
    return _answer(target, reached, len(validation))


def _calibrated_cascade(run: Path, labels: Path, target: str, cache: Path | None) -> Answer:
    trained, plan, aim, label_set = (
        load_cascade_run(run),
        open_plan(run, cache),
        Target.parse(target),
        read_labels(labels),
    )
    validation = labelled_split(run, "validation", label_set, plan.models)
    answers = recorded_answers([plan], label_set)
    row = {prompt_id: number for number, prompt_id in enumerate(answers.prompt_ids)}
    plan, reached = settled_plan(plan, answers.take([row[prompt_id] for prompt_id in validation.prompt_ids]), aim)
    settings = trained.settings.model_copy(update={"tradeoff": plan.tradeoff, "target": str(aim)})
    replace(trained, settings=settings).save(run)
    return _answer(target, reached, len(validation))


def _answer(target: str, reached: Calibrated | ControlledRisk, prompts: int) -> Answer:
    figures = asdict(reached)
    shown = ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in figures.items())
    return Answer(f"{target}: {shown} on {prompts} validation prompts", {"target": target, **figures})
