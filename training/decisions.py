"""A few decisions for a person to look at."""

from typing import Any

import numpy as np

from anabranch.data.outcomes import Floats
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.choices import Tried
from anabranch.training.ground import Ground
from anabranch.training.metrics.oracle import chosen_cells
from anabranch.training.report.contents import Example

EXCERPT = 300  # characters, half from each end


def example_decisions(tried: Tried, ground: Ground, count: int, seed: int) -> tuple[Example, ...]:
    """Decisions that gained on the best single arm, that lost, and that made no difference, a third each.

    Args:
        tried: the router's decisions.
        ground: what it is measured against.
        count: how many in all; fewer if there are fewer.
        seed: of which are drawn.
    """
    reached = chosen_cells(ground.table.quality, tried.decision.arm)
    return tuple(_example(row, tried, ground) for row in _drawn(reached, ground, count, seed))


def example_answers(tried: TriedPlan, ground: Ground, count: int, seed: int) -> tuple[Example, ...]:
    """The same of a cascade, at its calibrated stop."""
    reached = tried.quality[:, tried.place]
    return tuple(_answer(row, tried, ground) for row in _drawn(reached, ground, count, seed))


def _drawn(reached: Floats, ground: Ground, count: int, seed: int) -> list[int]:
    difference = reached - ground.table.quality[:, ground.best]
    rng = np.random.default_rng(seed)
    drawn: list[int] = []
    for kind in (difference > 0, difference < 0, difference == 0):
        pool = np.flatnonzero(kind)
        drawn += rng.choice(pool, size=min(len(pool), count // 3), replace=False).tolist()
    return drawn


def _example(row: int, tried: Tried, ground: Ground) -> Example:
    table, arm = ground.table, int(tried.decision.arm[row])
    return Example(
        **_prompt(row, ground),
        arm=table.arms[arm],
        reason=tried.decision.reason[row],
        estimated=float(tried.estimates.quality[row, arm]),
        observed=float(table.quality[row, arm]),
    )


def _answer(row: int, tried: TriedPlan, ground: Ground) -> Example:
    models, model = tried.plan.models, int(tried.model[row, tried.place])
    times = tried.calls[row, :, tried.place].tolist()
    return Example(
        **_prompt(row, ground),
        arm="" if model < 0 else models[model],
        reason=tried.reason[row],
        estimated=float("nan"),
        observed=float(tried.quality[row, tried.place]),
        called=tuple(name for name, calls in zip(models, times, strict=True) for _ in range(calls)),
    )


def _prompt(row: int, ground: Ground) -> dict[str, Any]:
    """What an example says of the prompt, and of the model that was best on it."""
    table = ground.table
    best = int(np.nan_to_num(table.quality[row], nan=-1.0).argmax())
    return {
        "prompt_id": table.prompt_ids[row],
        "task": table.tasks[row],
        "text": _excerpt(table.texts[row]),
        "best_arm": table.arms[best],
        "best": float(table.quality[row, best]),
    }


def _excerpt(text: str) -> str:
    half = EXCERPT // 2
    return text if len(text) <= EXCERPT else f"{text[:half]} [...] {text[-half:]}"
