"""One recipe on one board under one seed: trained by the product's own loop, measured, exported, timed."""

import hashlib
import inspect
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.registry import resolve
from anabranch.routers.encoders.registry import load_encoder
from anabranch.routers.estimators.estimator import GradientTrained
from anabranch.routers.recipe import recipe_of
from anabranch.routers.registry import ROUTERS
from anabranch.routers.run import Run
from anabranch.training.examples import Embedder, cached_embedder
from anabranch.training.fit import fit
from anabranch.training.ground import Ground
from anabranch.training.prepared import prepare
from benchmarks.leaderboard.boards import Board
from benchmarks.leaderboard.entries import Entry
from benchmarks.leaderboard.limit import time_limit
from benchmarks.leaderboard.measure import Measured, board_ground, measure
from benchmarks.leaderboard.speed import head_facts

VALIDATION_SHARE = 0.15
DRAWN = ("random",)  # policies whose decisions are draws


@dataclass(frozen=True)
class Terms:
    """What all runs of a leaderboard share.

    Args:
        encoder: registry name.
        cache: folder of the embedding cache; the product's own if None.
        replicates: of the bootstrap over test prompts; the least p-value, 1 / (1 + replicates), times the number of
            recipes has to stay below 0.05.
    """

    encoder: str = "minilm"
    cache: Path | None = None
    replicates: int = 4000


@dataclass(frozen=True, eq=False)
class Field:
    """A board laid out: its labels, and what every router is measured on and against.

    Args:
        board: which.
        folder: its label set.
        label_set: the same, read.
        train: the prompts outside the test; they name the best single model.
        ground: the test prompts and the draws.
        embedder: texts to embeddings, all of them made beforehand.
        terms: what all runs share.
    """

    board: Board
    folder: Path
    label_set: LabelSet
    train: Outcomes
    ground: Ground
    embedder: Embedder
    terms: Terms

    @cached_property
    def hash(self) -> str:
        """Names the labels and the terms."""
        terms = {"encoder": self.terms.encoder, "replicates": self.terms.replicates, "macro": self.board.macro}
        return _hash({"labels": self.label_set.hashes(), **terms})


def open_field(board: Board, folder: Path, terms: Terms) -> Field:
    """Read a board's labels, embed every prompt once, and lay the ground.

    Which prompts test does not depend on the seed; nor does which do not, train and validation together.
    """
    prepared = prepare(folder, None, (1,), validation_share=VALIDATION_SHARE, seed=0)
    splits = prepared.splits
    train = prepared.outcomes.take(np.sort(np.concatenate([splits.train, splits.validation])))
    test = prepared.outcomes.take(splits.test)
    ground = board_ground(test, train, macro=board.macro, replicates=terms.replicates)
    embedder = _in_memory(prepared.outcomes.texts, terms)
    return Field(board, folder, prepared.label_set, train, ground, embedder, terms)


def reason_against(recipe: str, field: Field) -> str:
    """Why a recipe takes no part on a board; empty if it does."""
    method = recipe_of(recipe)
    if method.estimator.trains_encoder:
        return "trains its encoder; this leaderboard keeps one encoder frozen"
    if method.policy in DRAWN:
        return "draws its arm, and evaluation gives it no luck to draw with; the random mix is what it comes to"
    there = field.ground.table.samples.shape[2]
    if max(method.samples) > there:
        return f"needs {max(method.samples)} sampled answers of each model; these labels have {there}"
    return ""


def key_of(recipe: str, field: Field) -> str:
    """The field's hash, and that of the recipe's parts and settings and the files that its row and estimator are in."""
    try:
        parts = _parts(recipe)
    except Exception as error:  # a row that cannot be made is known by its error
        parts = {"error": str(error)}
    return f"{field.hash}-{_hash(parts)}"


def run_entry(recipe: str, seed: int, field: Field, limit_s: int = 3600) -> Entry:
    """Train, measure and time; whatever goes wrong, or takes longer than the limit, becomes the entry's error."""
    key = key_of(recipe, field)
    try:
        with time_limit(limit_s):
            measured, facts = _run(recipe, seed, field)
    except Exception as error:  # a leaderboard shows what failed
        return Entry(field.board.name, recipe, seed, key, error=f"{type(error).__name__}: {error}")
    return Entry(field.board.name, recipe, seed, key, rows=measured.rows, facts=facts, curve=measured.curve)


def _run(recipe: str, seed: int, field: Field) -> tuple[Measured, dict[str, float | str]]:
    with TemporaryDirectory() as scratch:
        started = time.process_time()
        run = _train(recipe, seed, field, Path(scratch) / "run")
        train_cpu_s = time.process_time() - started
    measured = measure(run.router(recipe, field.embedder), field.ground)
    facts: dict[str, float | str] = {
        "train_cpu_s": train_cpu_s,
        "tradeoff": run.settings.policy.tradeoff,
        "quality_kind": run.settings.quality_kind,
        **head_facts(run, field.embedder(field.ground.table.texts[:64])),
    }
    return measured, facts


def _parts(recipe: str) -> dict[str, Any]:
    method = recipe_of(recipe)
    descent = method.descent or (method.estimator.descent if issubclass(method.estimator, GradientTrained) else None)
    return {
        "settings": dict(method.settings),
        "policy": [method.policy, dict(method.policy_settings)],
        "descent": asdict(descent) if descent else None,
        "source": [_source(resolve(recipe, ROUTERS, "router")), _source(method.estimator)],
    }


def _train(recipe: str, seed: int, field: Field, out: Path) -> Run:
    logging.disable(logging.WARNING)  # what is said of the labels was said when the field was opened
    try:
        return fit(
            field.folder,
            out,
            recipe,
            encoder=field.terms.encoder,
            validation_share=VALIDATION_SHARE,
            seed=seed,
            cache=field.terms.cache,
            tracker="disabled",
            progress=False,
        )
    finally:
        logging.disable(logging.NOTSET)


def _in_memory(texts: tuple[str, ...], terms: Terms) -> Embedder:
    vectors = cached_embedder(load_encoder(terms.encoder), terms.cache, True)(texts)
    row_of = {text: row for row, text in enumerate(texts)}

    def embedder(wanted: Any) -> Floats:
        return vectors[[row_of[text] for text in wanted]]

    return embedder


def _source(part: Any) -> str:
    return hashlib.sha256(inspect.getsource(inspect.getmodule(part) or part).encode()).hexdigest()


def _hash(contents: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(contents, sort_keys=True, default=str).encode()).hexdigest()[:16]
