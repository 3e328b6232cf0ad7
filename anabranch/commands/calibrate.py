"""anabranch calibrate"""

from dataclasses import asdict, replace
from pathlib import Path

from anabranch.commands.answer import Answer
from anabranch.data.labelset import read_labels
from anabranch.routers.run import load_run
from anabranch.routers.run_splits import labelled_split, read_unseen
from anabranch.training.calibrate import Target, settle
from anabranch.training.examples import cached_embedder
from anabranch.training.fit import refuse_promises
from anabranch.training.recall import recalled


def calibrate(run: Path, *, labels: Path, target: str, cache: Path | None = None) -> Answer:
    """Set a run's trade-off to meet a target on its validation prompts.

    Args:
        run: RUN folder; its run.json is rewritten.
        labels: the label set it was trained on.
        target: budget=USD, strong=SHARE, floor=QUALITY, risk=SHARE or best-single.
        cache: folder of the embedding cache.
    """
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
    figures = asdict(reached)
    shown = ", ".join(f"{name.replace('_', ' ')} {value:.6g}" for name, value in figures.items())
    return Answer(f"{target}: {shown} on {len(validation)} validation prompts", {"target": target, **figures})
