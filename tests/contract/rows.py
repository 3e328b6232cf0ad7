"""What each row of ROUTERS is tried on, and how a row is trained here: by the loop the product uses."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from anabranch.data.outcomes import Floats
from anabranch.data.preferences import Preferences
from anabranch.routers.encoders.embed import embed
from anabranch.routers.encoders.encoder import Encoder
from anabranch.routers.estimates import Estimates
from anabranch.routers.estimators.estimator import ClosedForm, Estimator
from anabranch.routers.policies.draws import draws
from anabranch.routers.policies.policy import Situation
from anabranch.routers.policies.registry import load_policy
from anabranch.routers.recipe import Recipe, recipe_of, settings_of
from anabranch.routers.registry import ROUTERS
from anabranch.routers.run import estimate_batches
from anabranch.training.examples import Examples, examples_of
from anabranch.training.trainer import TrainerOptions, train_estimator
from tests.contract.bag_of_words import BagOfWords
from tests.contract.worlds import (
    TOPICS,
    Ints,
    Make,
    World,
    cluster_world,
    cost_world,
    linear_world,
    matched_world,
    preference_world,
)

WORLDS: dict[str, Make] = {
    "avengers": cluster_world,
    "avengers-pro": matched_world,
    "bench-coe": cluster_world,
    "benchmark-routing": matched_world,
    "best-route": matched_world,
    "blending": cost_world,
    "carrot": cost_world,
    "cluster": cluster_world,
    "cscr": matched_world,
    "eagle": preference_world,
    "embedllm": linear_world,
    "equi-router": linear_world,
    "graph-router": cluster_world,
    "homorouter": matched_world,
    "inference-dynamics": cluster_world,
    "irt-router": linear_world,
    "kernel-ridge": cluster_world,
    "knn": cluster_world,
    "linucb": linear_world,
    "logistic": linear_world,
    "mlp": linear_world,
    "omni-router": matched_world,
    "radial-router": cluster_world,
    "ridge": linear_world,
    "rm-classification": matched_world,
    "rm-interval": cost_world,
    "rm-softmax": cost_world,
    "rorf": cluster_world,
    "routellm-mf": preference_world,
    "routellm-sw": preference_world,
    "routerdc": cluster_world,
    "routing-lessons": cluster_world,
    "selectllm": cluster_world,
    "stack": cluster_world,
    "svm": linear_world,
    "tag-router": cluster_world,
    "to-router": linear_world,
    "zero": cost_world,
}
"""The world of each row's assumption; a new row names its own here."""

SETTINGS: dict[str, dict[str, Any]] = {
    "avengers": {"clusters": 16},
    "avengers-pro": {"clusters": 16},
    "bench-coe": {"hidden": 64, "epochs": 8, "learning_rate": 3e-3},
    "best-route": {"hidden": 64, "epochs": 8},
    "cscr": {"epochs": 10},
    # the exporter writes every step of the fit out
    "eagle": {"steps": 12},
    "embedllm": {"epochs": 10, "learning_rate": 3e-3},
    "equi-router": {"hidden": 64, "epochs": 10, "learning_rate": 3e-3},
    "graph-router": {"hidden": 16, "epochs": 8, "learning_rate": 1e-2},
    "homorouter": {"hidden": 64, "epochs": 10, "learning_rate": 3e-3},
    "irt-router": {"epochs": 10, "learning_rate": 1e-2},
    "mlp": {"hidden": 64, "epochs": 10, "learning_rate": 3e-3},
    "radial-router": {"state": 16, "epochs": 8, "learning_rate": 3e-3},
    "rm-classification": {"hidden": 64, "epochs": 20, "learning_rate": 3e-3},
    "rm-interval": {"hidden": 32, "epochs": 20, "learning_rate": 3e-3},
    "rm-softmax": {"hidden": 64, "epochs": 20, "learning_rate": 3e-3},
    "rorf": {"depth": 8},
    "routellm-sw": {"steps": 12},
    "routellm-mf": {"epochs": 5, "learning_rate": 3e-3},
    # a bag of random words may learn faster than a pretrained transformer
    "routerdc": {"epochs": 4, "batch_size": 64, "learning_rate": 2e-2},
    "routing-lessons": {"epochs": 4, "batch_size": 64, "learning_rate": 2e-2},
    "selectllm": {"epochs": 4, "batch_size": 64, "learning_rate": 2e-2},
    "stack": {
        "members": [{"recipe": "ridge"}, {"recipe": "knn", "k": 40}, {"recipe": "kernel-ridge", "landmarks": 256}]
    },
    "to-router": {"hidden": 64, "epochs": 10, "learning_rate": 3e-3},
}
"""Settings where the defaults are for larger or pretrained things."""

FEW = {"train": 61, "validation": 20, "test": 20}
WIDTH = 8


@dataclass(frozen=True, eq=False)
class Learnt:
    """A row that was trained on a world."""

    recipe: Recipe
    encoder: Encoder
    estimator: Estimator
    world: World

    def embedding(self, rows: Ints) -> Floats:
        """The embeddings [n, D] of the world's rows, as the estimator learnt them."""
        if self.estimator.trains_encoder:
            return embed(self.encoder, [self.world.table.texts[row] for row in rows])
        return self.world.embedding[rows]

    def estimates(self, rows: Ints, tradeoff: float = 0.5) -> Estimates[Floats]:
        """Estimates [n, A] of the world's rows."""
        return estimate_batches(self.estimator, self.embedding(rows), knob(self.estimator, len(rows), tradeoff))

    def choices(self) -> Ints:
        """What the row's own policy chooses on test, its trade-off chosen on validation."""
        validation, test = self.world.rows("validation"), self.world.rows("test")
        policy = load_policy(self.recipe.policy, dict(self.recipe.policy_settings))
        seen = self.estimates(validation)
        policy = policy.fitted(seen, seen.usage.astype(np.float64))

        def chosen(rows: Ints, tradeoff: float) -> Ints:
            estimates, given = self.estimates(rows, tradeoff), np.full(len(rows), tradeoff)
            on = Situation(estimates, estimates.usage.astype(np.float64), given, u=draws(rows.astype(str).tolist()))
            return policy.decide(on).arm

        knots = policy.knots(21) if self.world.tradeoff < 1 else np.ones(1)
        worths = [self.world.recorded_worth(validation, chosen(validation, float(knot))) for knot in knots]
        return chosen(test, float(knots[int(np.argmax(worths))]))


def learn(row: str, world: World, folder: Path, *, seed: int = 0, settings: Mapping[str, Any] | None = None) -> Learnt:
    """Train a row on a world; the same seed gives the same result."""
    given = dict(settings or {})
    # settings may choose a form of the row that has fewer of them
    known = settings_of(row, given)
    usual = {key: value for key, value in ({"seed": seed} | SETTINGS.get(row, {})).items() if key in known}
    recipe = recipe_of(row, usual | given)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = BagOfWords(" ".join(TOPICS).split(), world.embedding.shape[1])
        estimator = recipe.build(encoder.width, len(world.table.arms))
        options = TrainerOptions(folder, seed, tracker="disabled", progress=False)
        train, validation = (examples_from(world, split, encoder, estimator) for split in ("train", "validation"))
        train_estimator(encoder, estimator, train, validation, options)
    return Learnt(recipe, encoder, estimator, world)


def learn_quickly(row: str, world: World, folder: Path, *, seed: int = 0) -> Learnt:
    """Train a row for two epochs, when how well it learns does not matter."""
    return learn(row, world, folder, seed=seed, settings={"epochs": 2} if "epochs" in settings_of(row) else {})


def examples_from(world: World, split: str, encoder: Encoder, estimator: Estimator) -> Examples:
    """A split of a world as the examples that this estimator learns from."""
    rows = world.rows(split)
    table = world.table.take(rows)
    votes = None
    if estimator.learns_from == "preferences":
        every = world.votes or Preferences.from_outcomes(world.table)
        votes = every.take(rows, prompts=len(world.table))
    source = encoder.tokens if estimator.trains_encoder else lambda texts: world.embedding[rows]
    return examples_of(table, votes, world.table.usage_kind, source, world.table.task_names)


def small_world(row: str, seed: int = 0, arms: int = 4) -> World:
    """61 training prompts of the row's world, in eight dimensions."""
    return WORLDS[row](seed, arms=arms, width=WIDTH, sizes=FEW)


def closed_form(row: str) -> bool:
    """Whether the row learns without gradients, so that nothing about it is drawn at random."""
    return issubclass(recipe_of(row).estimator, ClosedForm)


def knob(estimator: Estimator, rows: int, tradeoff: float = 0.5) -> Floats | None:
    """The trade-off [n] for an estimator that reads it, else None."""
    return np.full(rows, tradeoff, np.float32) if estimator.reads_tradeoff else None


def forward(estimator: Estimator, embedding: Tensor) -> Estimates[Tensor]:
    """Estimates of all rows in one batch, at trade-off 0.5 if it is read."""
    tradeoff = torch.full((len(embedding),), 0.5) if estimator.reads_tradeoff else None
    with torch.inference_mode():
        result: Estimates[Tensor] = estimator(embedding, tradeoff)
    return result


def with_quality(world: World, quality: Floats) -> World:
    """The same world with other recorded qualities [N, A], each one sample."""
    cells = quality.astype(np.float32)
    return replace(world, table=replace(world.table, quality=cells, samples=cells[:, :, None].copy()))


def with_costs(world: World, cost_usd: Floats) -> World:
    """The same world with other recorded costs [N, A], NaN = unknown."""
    return replace(world, table=replace(world.table, cost_usd=cost_usd.astype(np.float64)))


ROWS = tuple(ROUTERS)
