"""What each row of CASCADES and AFTER is tried on, and how a row is fitted here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.registry import resolve
from anabranch.routers.deferral.answered import Answered, Signal, with_signals
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.plan import Plan
from anabranch.training.after.registry import AFTER
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.recipe import CascadeRecipe, Ground
from anabranch.training.cascades.registry import CASCADES
from anabranch.training.replay.executor import replay
from anabranch.training.replay.replayed import Replayed
from tests.contract.cascade_worlds import (
    CascadeWorld,
    MakeCascade,
    agreeing_world,
    foreseen_world,
    rewarded_world,
    small_ones_world,
    sure_world,
    timed_world,
    voting_world,
)

CASCADE_WORLDS: dict[str, MakeCascade] = {
    "automix": sure_world,
    "best-of-inf": voting_world,
    "cargo": foreseen_world,
    "cascade-routing": foreseen_world,
    "confidence": sure_world,
    "emafusion": foreseen_world,
    "frugalgpt": sure_world,
    "isp": voting_world,
    "majority": voting_world,
    "model-cascading": sure_world,
    "model-switch": agreeing_world,
    "mot-cascade": agreeing_world,
    "risk-controlled": sure_world,
    "robon": rewarded_world,
    "semantic-agreement": small_ones_world,
    "speculative-cascade": timed_world,
    "token-uncertainty": sure_world,
    "weighted-vote": voting_world,
}
"""The world of each row's assumption; a new row names its own here."""

CASCADE_SETTINGS: dict[str, dict[str, Any]] = {
    "automix": {"signal": "logprob_mean"},
    "cargo": {"signal": "logprob_mean"},
    "emafusion": {"signal": "logprob_mean"},
    "frugalgpt": {"signal": "logprob_mean"},
    # the small model is wrong, and the large one right, on 0.024 of what is best kept
    "risk-controlled": {"most_lost": 0.05},
    "robon": {"signal": "logprob_mean"},
    "speculative-cascade": {"signal": "logprob_mean", "usd_per_s": 2.0},
}
"""Settings where the defaults read texts with a pretrained encoder, or promise more than the world allows."""

CASCADE_ROWS = (*CASCADES, *AFTER)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A row that was fitted on a world."""

    recipe: CascadeRecipe
    world: CascadeWorld
    ground: Ground
    plan: Plan

    def on(self, ground: Ground) -> Ground:
        """Other prompts, with signals as serving works them out."""
        return replace(ground, table=with_served(self.ground.signals, ground.table))

    def replayed(self, policy: Deferral, ground: Ground) -> Replayed:
        """What a policy does on prompts of a world of these models."""
        usual = np.broadcast_to(self.ground.cost_usd, ground.table.quality.shape[:2])
        return replay(policy, ground.table, quality=ground.estimates, cost_usd=usual, seed=ground.seed)


def recipe_of_row(row: str) -> CascadeRecipe:
    """The row's recipe, with its settings here."""
    made: CascadeRecipe = resolve(row, CASCADES | AFTER, "cascade")(**CASCADE_SETTINGS.get(row, {}))
    return made


def fit_row(row: str, world: CascadeWorld) -> Fitted:
    """Fit a row on a world, as training does."""
    recipe = recipe_of_row(row)
    ground = recipe.learn(world.ground)
    stops = frontier_of(recipe.policies(ground), ground)
    usual = tuple(ground.cost_usd.tolist())
    return Fitted(recipe, world, ground, Plan(row, ground.table.models, stops, ground.signals, usual))


def with_served(signals: Sequence[Signal], table: ReplayTable) -> ReplayTable:
    """A table with signals worked out answer by answer, as serving does."""
    cells = list(np.ndindex(table.quality.shape))
    said = with_signals(signals, [_answered(table, cell) for cell in cells])
    for signal in signals:
        values = np.array([one.signals.get(signal.name, np.nan) for one in said])
        table = table.with_signal(signal.name, values.reshape(table.quality.shape))
    return table


def _answered(table: ReplayTable, cell: tuple[int, ...]) -> Answered:
    row, model, _ = cell
    seen = {name: float(values[cell]) for name, values in table.signals.items() if not np.isnan(values[cell])}
    return Answered(model, table.texts[row], "", seen)
