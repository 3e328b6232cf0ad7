"""Recorded answers of which the text tells whether they are right, or does not."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.estimators.estimator import Descent
from anabranch.training.cascades.recipe import Ground
from anabranch.training.scorers.answer_scorer_fit import ScorerOptions

OPTIONS = ScorerOptions(
    encoder="hashing", encoder_options={"width": 64}, descent=Descent(epochs=10, batch_size=16, learning_rate=1e-2)
)
RIGHT, WRONG = "the heron stands still", "no idea at all, sorry"


def table_of(prompts: int = 90, *, telling: bool = True, models: int = 2, seed: int = 0) -> ReplayTable:
    """Answers that are right by a coin, the first model's less often; the telling ones read as they are right."""
    rng = np.random.default_rng(seed)
    right = rng.random((prompts, models)) < np.linspace(0.4, 0.7, models)
    shown = right if telling else rng.random(right.shape) < 0.5
    told = np.where(shown, RIGHT, WRONG)
    names = rng.integers(0, 10**6, right.shape)
    responses = [[f"{told[i, j]} {names[i, j]}" for j in range(models)] for i in range(prompts)]
    texts = [f"Which bird is number {row}?" for row in range(prompts)]
    names_of_models = [f"m{model}" for model in range(models)]
    return ReplayTable.from_arrays(names_of_models, right.astype(float), texts=texts, responses=responses)


def ground_of(table: ReplayTable, cache: Path) -> Ground:
    """The table as a recipe gets it."""
    return Ground(table, (), None, np.full(len(table.models), np.nan), 0, "hashing", {"width": 64}, cache)


def without_responses(table: ReplayTable) -> ReplayTable:
    """The same with no text of any answer."""
    return replace(table, responses=None)
