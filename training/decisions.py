"""A few decisions for a person to look at."""

import numpy as np

from anabranch.training.choices import Tried
from anabranch.training.ground import Ground
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
    table, choice = ground.table, tried.decision.arm
    rows = np.arange(len(table))
    difference = table.quality[rows, choice] - table.quality[:, ground.best]
    rng = np.random.default_rng(seed)
    drawn: list[int] = []
    for kind in (difference > 0, difference < 0, difference == 0):
        pool = np.flatnonzero(kind)
        drawn += rng.choice(pool, size=min(len(pool), count // 3), replace=False).tolist()
    return tuple(_example(row, tried, ground) for row in drawn)


def _example(row: int, tried: Tried, ground: Ground) -> Example:
    table, arm = ground.table, int(tried.decision.arm[row])
    best = int(np.nan_to_num(table.quality[row], nan=-1.0).argmax())
    return Example(
        prompt_id=table.prompt_ids[row],
        task=table.tasks[row],
        text=_excerpt(table.texts[row]),
        arm=table.arms[arm],
        reason=tried.decision.reason[row],
        estimated=float(tried.estimates.quality[row, arm]),
        observed=float(table.quality[row, arm]),
        best_arm=table.arms[best],
        best=float(table.quality[row, best]),
    )


def _excerpt(text: str) -> str:
    half = EXCERPT // 2
    return text if len(text) <= EXCERPT else f"{text[:half]} [...] {text[-half:]}"
