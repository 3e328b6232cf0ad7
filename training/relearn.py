"""A RUN's router trained again on fewer of its prompts."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anabranch.data.arms import with_arms
from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.splits import CarvedSplits, carve
from anabranch.data.text_keys import near_duplicate_groups
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.router import Router
from anabranch.routers.run import Run
from anabranch.routers.run_splits import labelled_split
from anabranch.training.calibrate import Target, settle
from anabranch.training.examples import Embedder
from anabranch.training.fit import embedder_of, learn
from anabranch.training.learning_curve import Trial, subsets
from anabranch.training.prepared import Prepared
from anabranch.training.trainer import TrainerOptions

Rows = NDArray[np.int64]

HELD_OUT = 0.15  # share of train prompts that settles smaller trainings of a run that held none out


def prepared_again(folder: Path, labels: LabelSet, arms: tuple[str, ...]) -> Prepared:
    """What a RUN was trained from.

    Args:
        folder: the RUN folder.
        labels: the label set it was trained on, or one that holds it.
        arms: the router's.

    Raises:
        ValueError: prompts or arms are missing from the label set.
    """
    outcomes = with_arms(labels.outcomes(), arms)
    row = {prompt_id: number for number, prompt_id in enumerate(outcomes.prompt_ids)}
    train, validation, test = (
        np.sort([row[prompt_id] for prompt_id in labelled_split(folder, name, labels, arms).prompt_ids])
        for name in ("train", "validation", "test")
    )
    if np.isin(validation, train).all():  # nothing was held out, and smaller trainings need something to settle on
        train, validation = _with_validation(outcomes, train, test)
    return Prepared(labels, outcomes, CarvedSplits(outcomes.prompt_ids, train, validation, test, 0, 0))


def _with_validation(outcomes: Outcomes, train: Rows, test: Rows) -> tuple[Rows, Rows]:
    """The train rows, some of them held out, as a training without a validation split holds them out."""
    rows = np.concatenate([train, test])
    table = outcomes.take(rows).with_splits(["train"] * len(train) + ["test"] * len(test))
    carved = carve(table, near_duplicate_groups(table.texts), validation_share=HELD_OUT)
    return rows[carved.train], rows[carved.validation]


def relearn(
    run: Run,
    prepared: Prepared,
    test: Outcomes,
    embedder: Embedder,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[tuple[Trial, ...], tuple[str, ...]]:
    """The choices of routers trained on nested subsets of the train prompts, and of the run itself; and notes.

    Everything but the train prompts stays as it was: recipe, settings, seed, costing, calibration, target, and the
    validation prompts that choose epochs and trade-off.

    Args:
        run: a trained router.
        prepared: what it was trained from.
        test: n prompts to decide.
        embedder: its encoder, e.g. through a cache; asked for every text once.
        seed: of the subsets.
        progress: called with how many trainings are done, and of how many.
    """
    if not run.settings.encoder_trained:
        embedder = _remembered(embedder, [*prepared.train.texts, *prepared.validation.texts, *test.texts])
    chosen = subsets(prepared.train, near_duplicate_groups(prepared.train.texts), seed=seed)
    trials, missed = [], 0
    progress(0, len(chosen))
    for done, subset in enumerate(chosen, start=1):
        rows = prepared.splits.train[subset.rows]
        fewer = replace(prepared, splits=replace(prepared.splits, train=rows))
        router, reached = _trained_again(run, fewer, embedder)
        missed += not reached
        trials.append(_trial(router, subset.share, len(rows), test))
        progress(done, len(chosen))
    whole = run.router("", embedder_of(run, embedder))
    trials.append(_trial(whole, 1.0, run.provenance.prompts["train"], test))
    target = run.settings.policy.target
    note = f"{missed} of the smaller trainings could not reach {target} on validation and aimed at best-single instead"
    return tuple(trials), (note,) if missed else ()


def _trained_again(run: Run, prepared: Prepared, embedder: Embedder) -> tuple[Router, bool]:
    """The router that learnt from these prompts, and whether it reached the run's target."""
    settings = run.settings
    # an encoder that learnt from all prompts would know too much
    fresh = settings.encoder_trained
    encoder = load_encoder(settings.encoder, **settings.encoder_options) if fresh else run.encoder
    with tempfile.TemporaryDirectory() as folder:
        options = TrainerOptions(Path(folder), run.provenance.seed, "disabled", progress=False)
        learnt, _ = learn(settings, run.provenance, prepared, encoder, embedder, options)
    source = embedder_of(learnt, embedder)
    router = learnt.router("", source)
    try:
        learnt, _ = settle(learnt, router, prepared.train, prepared.validation, Target.parse(settings.policy.target))
    except ValueError:
        learnt, _ = settle(learnt, router, prepared.train, prepared.validation, Target("best-single"))
        return learnt.router("", source), False
    return learnt.router("", source), True


def _trial(router: Router, share: float, prompts: int, test: Outcomes) -> Trial:
    return Trial(share, prompts, router.decide(test.texts).arm, router.decide(test.texts, 1.0).arm)


def _remembered(embedder: Embedder, texts: Sequence[str]) -> Embedder:
    """An embedder that knows these texts by heart."""
    every = list(dict.fromkeys(texts))
    row = {text: number for number, text in enumerate(every)}
    known = embedder(every)

    def recalled(asked: Sequence[str]) -> Floats:
        return np.asarray(known[[row[text] for text in asked]])

    return recalled
