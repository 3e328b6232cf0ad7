"""Fit an answer scorer to recorded answers, and score those answers by scorers that never saw their prompts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_lightning.callbacks import EarlyStopping

from anabranch.data.replay_table import ReplayTable
from anabranch.data.token_signals import TOKEN_SIGNALS
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimators.estimator import Descent
from anabranch.routers.scorers.answer_network import AnswerNetwork
from anabranch.routers.scorers.answer_scorer import AnswerScorer, ScorerSettings, chances
from anabranch.routers.scorers.reading import Part, Reading
from anabranch.training.cascades.recipe import Ground
from anabranch.training.examples import Embedder, cached_embedder
from anabranch.training.progress import training_progress
from anabranch.training.replay.post_hoc import folds_of
from anabranch.training.scorers.lit_scorer import LitScorer
from anabranch.training.scorers.scorer_examples import ScorerExamples, recorded_answers
from anabranch.training.trainer import TrainerOptions, descend

Mask = NDArray[np.bool_]

SCORER = "scorer"
"""The name of the signal, and the stem of its file."""

HELD_OUT = 6  # one in so many prompts chooses the epoch
_DESCENT = Descent(batch_size=32)  # few answers need more steps than larger batches leave


@dataclass(frozen=True)
class ScorerOptions:
    """What a scorer is made of, and how it is trained.

    Args:
        encoder: registry name, folder or hub id of a sentence encoder, which stays as it is.
        encoder_options: of its constructor.
        parts: texts of an answer to embed, see `Reading`.
        signals: recorded signals to read as well; those of token log-probabilities that are there if None.
        hidden: units of the hidden layer.
        dropout: share of inputs and of hidden units dropped in training.
        descent: how to descend.
        patience: epochs without a better one on the held-out prompts before training stops.
    """

    encoder: str = "minilm"
    encoder_options: dict[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ("joint", "answer")  # a short answer drowns in the joint text
    signals: tuple[str, ...] | None = None
    hidden: int = 64
    dropout: float = 0.2
    descent: Descent = _DESCENT
    patience: int = 8


@dataclass(frozen=True, eq=False)
class _Material:
    """What every training on a table shares: parts and settings, C answers, and the prompt [C] of each."""

    options: ScorerOptions
    settings: ScorerSettings
    encoder: Encoder
    embedder: Embedder
    examples: ScorerExamples
    texts: Sequence[str]
    seed: int

    def scorer(self, network: AnswerNetwork) -> AnswerScorer:
        return AnswerScorer(self.settings, self.encoder, network, self.embedder)


def fit_scorer(
    table: ReplayTable,
    options: ScorerOptions | None = None,
    *,
    seed: int = 0,
    cache: Path | None = None,
    progress: bool = False,
) -> AnswerScorer:
    """A scorer trained on all recorded answers of a table; one prompt in six chooses the epoch.

    Args:
        table: N prompts, M models, with responses.
        options: what it is made of; the defaults if None.
        seed: of weights, order and held-out prompts.
        cache: folder of the embedding cache; below ~/.cache/anabranch if None.
        progress: show progress bars.

    Raises:
        ValueError: no responses are recorded, no quality is known, or a signal or the encoder is not there.
    """
    material = _material(table, options or ScorerOptions(), seed, cache, progress)
    return material.scorer(_trained(material, np.ones(len(material.examples), bool), progress))


def scored(ground: Ground, *, folds: int = 5, options: ScorerOptions | None = None) -> Ground:
    """The ground with the signal `SCORER`: how likely each answer is right, by scorers that never saw its prompt.

    Args:
        ground: N prompts, M models, with responses.
        folds: parts of the prompts, equal texts in one, each scored by what was trained on the others.
        options: of the scorers; the defaults, and the ground's encoder, if None.

    Raises:
        ValueError: as `fit_scorer`; or there are fewer than two folds, fewer prompts than folds, or a fold has nothing
            to learn from.
    """
    given = options or ScorerOptions(ground.encoder, dict(ground.encoder_options))
    table, material = ground.table, _material(ground.table, given, ground.seed, ground.cache, ground.progress)
    fold = folds_of(table.texts, folds, ground.seed)[np.nonzero(table.recorded)[0]]  # [C]
    score = np.full(len(fold), np.nan, np.float32)
    with training_progress("training the scorer", ground.progress) as shown:
        shown(0, folds + 1)
        for part in range(folds):
            unseen = material.examples.take(fold == part)
            score[fold == part] = chances(_trained(material, fold != part), unseen.read, unseen.embedding)
            shown(part + 1, folds + 1)
        final = material.scorer(_trained(material, np.ones_like(fold, bool)))
    cells = np.full(table.quality.shape, np.nan, np.float32)
    cells[table.recorded] = score
    signals = (*ground.signals, Scorer(SCORER, SCORER, final))
    return replace(ground, table=table.with_signal(SCORER, cells), signals=signals)


def _material(table: ReplayTable, options: ScorerOptions, seed: int, cache: Path | None, progress: bool) -> _Material:
    signals = _signals(table, options)
    answers = recorded_answers(table, signals)
    reading = Reading(models=len(table.models), parts=options.parts, signals=signals)
    encoder = load_encoder(options.encoder, **options.encoder_options)
    embedder, read = cached_embedder(encoder, cache, progress), reading(answers)
    settings = ScorerSettings(
        reading=reading,
        encoder=options.encoder,
        encoder_options=options.encoder_options,
        encoder_fingerprint=encoder.fingerprint,
        width=encoder.width,
        hidden=options.hidden,
        dropout=options.dropout,
    )
    quality = table.quality[table.recorded].astype(np.float32)
    examples = ScorerExamples(read, np.asarray(embedder(read.texts), np.float32), quality)
    return _Material(options, settings, encoder, embedder, examples, [one.prompt for one in answers], seed)


def _signals(table: ReplayTable, options: ScorerOptions) -> tuple[str, ...]:
    if table.responses is None or not any(table.responses[table.recorded]):
        raise ValueError(
            "a scorer reads answers, and no responses are recorded: collect them with `anabranch data collect`, or "
            "choose by a recorded signal"
        )
    if options.signals is None:
        return tuple(name for name in TOKEN_SIGNALS if name in table.signals)
    unknown = sorted(set(options.signals) - set(table.signals))
    if unknown:
        raise ValueError(f"unknown signals {unknown}; signals of the table: {sorted(table.signals)}")
    return options.signals


def _trained(material: _Material, rows: Mask, progress: bool = False) -> AnswerNetwork:
    """A network that learnt from the answers of a mask [C] only; the caller's random state is left as it was."""
    train, validation = map(material.examples.take, _parted(material, rows))
    descent, patience = material.options.descent, material.options.patience
    with torch.random.fork_rng(devices=[]), TemporaryDirectory() as folder:
        torch.manual_seed(material.seed)
        network = material.settings.network()
        network.start(*map(torch.from_numpy, (train.read.facts, train.read.model, train.quality)))
        options = TrainerOptions(Path(folder), material.seed, "disabled", progress)
        early = EarlyStopping("validation/loss", patience=patience)
        descend(LitScorer(network, descent), descent, train, validation, options, early)
    return network


def _parted(material: _Material, rows: Mask) -> tuple[Mask, Mask]:
    """Of the answers of a mask [C], those that teach and those that choose the epoch: all do both if of one prompt."""
    texts = [text for text, taken in zip(material.texts, rows, strict=True) if taken]
    if not texts:
        raise ValueError("a fold has nothing to learn from: no answer outside of it has a known quality")
    parts = min(HELD_OUT, len(set(texts)))
    if parts == 1:
        return rows, rows
    held_out = np.zeros_like(rows)
    # by another seed than the folds', whose parts would hold out whole folds
    held_out[rows] = folds_of(texts, parts, material.seed + 1) == 0
    return rows & ~held_out, held_out
