"""The mean budgets that are worth fitting a policy at."""

import numpy as np
from numpy.typing import NDArray

from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.chain_replay import recorded_calls

Floats = NDArray[np.float64]

HEADROOM = 1.25
"""Chains that call the dearest model on most prompts cost a little more than it, and may be better."""


def budgets_of(ground: Ground, count: int) -> Floats:
    """Mean budgets in USD a prompt, in equal ratios from the cheapest model's mean cost to above the dearest's.

    Args:
        ground: M models, all of whose costs are known.
        count: how many; models that are free add the budget 0.

    Raises:
        ValueError: there is none, or a cost is unknown.

    >>> from anabranch.data.replay_table import ReplayTable
    >>> table = ReplayTable.from_arrays(["small", "large"], [[0, 1]], cost_usd=[[1, 80]])
    >>> budgets_of(Ground(table, (), None, np.array([1.0, 80.0]), 0), 3).round(6).tolist()
    [1.0, 10.0, 100.0]
    """
    if count < 1:
        raise ValueError(f"{count} budgets: at least one is needed")
    costs = model_costs(ground)
    paid = costs[costs > 0]
    if not len(paid):
        return np.zeros(1)
    rising = np.geomspace(paid.min(), HEADROOM * paid.max(), count)
    return rising if len(paid) == len(costs) else np.append(0.0, rising)


def model_costs(ground: Ground) -> Floats:
    """Mean cost of the call of each model that a replay makes first, USD [M].

    Raises:
        ValueError: a cost is unknown.
    """
    table = ground.table
    unknown = np.unique(np.nonzero(table.recorded & np.isnan(table.cost_usd))[1])
    if len(unknown):
        names = ", ".join(table.models[model] for model in unknown)
        raise ValueError(
            f"unknown costs of {names}: a budget needs the cost of every answer. Give prices with `anabranch data "
            "reprice LABELS --prices FILE`, or leave these models out"
        )
    none = table.with_signal("", np.zeros(table.quality.shape))
    calls = recorded_calls(none, range(len(table.models)), "", ground.seed)
    return np.asarray(np.nanmean(calls.cost_usd, axis=0))
