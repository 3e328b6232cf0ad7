"""A router's estimates of the prompts that train a cascade, by routers that had not seen them."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from anabranch.data.outcomes import Floats
from anabranch.data.text_keys import near_duplicate_groups
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.run import Run
from anabranch.training.examples import Embedder
from anabranch.training.fit import embedder_of, learn
from anabranch.training.prepared import Prepared
from anabranch.training.trainer import TrainerOptions

FOLDS = 5


def cross_fitted(
    run: Run,
    prepared: Prepared,
    embedder: Embedder,
    *,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Floats:
    """Estimated quality [N, A] of the N train prompts, each fold by the run's recipe trained on the others.

    Prompts that ask (nearly) the same share a fold. The validation prompts choose epochs, as they did for the run.

    Args:
        run: a router trained on these prompts.
        prepared: what it was trained from.
        embedder: its encoder, e.g. through a cache.
        seed: of the folds.
        progress: called with how many folds are done, and of how many.
    """
    train = prepared.train
    _, group = np.unique(near_duplicate_groups(train.texts), return_inverse=True)
    order = np.random.default_rng(seed).permutation(int(group.max()) + 1)
    fold = (order % FOLDS)[group]
    said = np.full(train.quality.shape, np.nan)
    for number in range(FOLDS):
        out = np.flatnonzero(fold == number)
        if len(out):
            rest = replace(prepared.splits, train=prepared.splits.train[fold != number])
            said[out] = _estimates(run, replace(prepared, splits=rest), embedder, [train.texts[row] for row in out])
        progress(number + 1, FOLDS)
    return said


def _estimates(run: Run, prepared: Prepared, embedder: Embedder, texts: list[str]) -> Floats:
    settings = run.settings
    encoder = load_encoder(settings.encoder, **settings.encoder_options) if settings.encoder_trained else run.encoder
    with tempfile.TemporaryDirectory() as folder:
        options = TrainerOptions(Path(folder), run.provenance.seed, "disabled", progress=False)
        learnt, _ = learn(settings, run.provenance, prepared, encoder, embedder, options)
    return learnt.router("", embedder_of(learnt, embedder)).estimates(texts, 1.0)[0].quality
