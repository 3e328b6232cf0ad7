"""Is the stack of `train auto` ever worse than the best single model on a task that it has never seen? Prints JSON.

    python -m benchmarks.unseen_tasks --data SETS --work FOLDER [--only llmrouter9]

One task after another (or one of ten groups of tasks, where there are more than twelve) is left out of all prompts
outside the test; the stack is built from the others, its own choice of caution included, and where quality alone counts
it decides every prompt of the task, test prompts too. It is compared, prompt by prompt, with the model that was best on
the others. A one-sided t test a task, Holm's correction over the tasks of a set, alpha 0.05.

`plain` is the same stack without its hedge: what one pays who trusts a router everywhere.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import ttest_1samp

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.estimators.estimator import Batch
from anabranch.routers.estimators.stack import Stack
from anabranch.training.examples import examples_of
from benchmarks.leaderboard.boards import Board
from benchmarks.leaderboard.holm import holm
from benchmarks.leaderboard.labels import lay_out
from benchmarks.leaderboard.learn import Field, Terms, open_field
from benchmarks.leaderboard.once import measure_boards

ALPHA = 0.05
MOST_ALONE = 12  # tasks that are left out one by one
GROUPS = 10


def left_out(board: Board, data: Path, work: Path) -> dict[str, Any] | None:
    """Every task of a board left out once; None if there is only one."""
    field = open_field(board, lay_out(board, data, work), Terms())
    groups = groups_of(field.train.task_names)
    if len(groups) < 2:
        return None
    rows = [_left_out(field, group) for group in groups]
    for kind in ("hedged", "plain"):
        adjusted = holm([row[kind]["p"] for row in rows])
        for row, p in zip(rows, adjusted.tolist(), strict=True):
            row[kind]["holm"] = p
    worse = {kind: sum(row[kind]["holm"] <= ALPHA for row in rows) for kind in ("hedged", "plain")}
    return {"board": board.name, "left_out": len(rows), "significantly_worse": worse, "tasks": rows}


def groups_of(tasks: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Each task on its own, or ten groups of them, the alphabet dealt out in turn.

    >>> groups_of(("math", "code"))
    [('code',), ('math',)]
    """
    names = sorted(tasks)
    return [(name,) for name in names] if len(names) <= MOST_ALONE else [tuple(names[n::GROUPS]) for n in range(GROUPS)]


def _left_out(field: Field, group: tuple[str, ...]) -> dict[str, Any]:
    rest, task = _part(field.train, group, False), _part(field.train, group, True)
    test = _part(field.ground.table, group, True)
    stack = Stack(field.embedder(rest.texts[:1]).shape[1], len(rest.arms))
    stack.observe(_batch(field, rest))
    stack.finalise()
    stack.eval()
    quality = np.concatenate([task.quality, test.quality])
    embedding = torch.from_numpy(field.embedder([*task.texts, *test.texts]))
    default = int(np.nanmean(rest.quality, axis=0).argmax())
    found = {"tasks": list(group), "prompts": len(quality), "default": rest.arms[default]}
    for kind in ("hedged", "plain"):
        with torch.inference_mode():
            chosen = stack(embedding).quality.argmax(dim=1).numpy()
        found[kind] = _compared(quality[np.arange(len(quality)), chosen] - quality[:, default])
        stack.hedge.caution, stack.familiarity.limits = torch.tensor([1.0, 0.0]), torch.tensor([1e9, 2e9])
    return found


def _compared(gain: Floats) -> dict[str, float]:
    known = gain[~np.isnan(gain)].astype(np.float64)
    p = float(ttest_1samp(known, 0.0, alternative="less").pvalue) if np.ptp(known) else float(known.mean() >= 0)
    return {"gain": round(float(known.mean()), 4), "departures": round(float((known != 0).mean()), 3), "p": p}


def _part(table: Outcomes, group: tuple[str, ...], inside: bool) -> Outcomes:
    return table.take(np.flatnonzero(np.isin(table.tasks, group) == inside))


def _batch(field: Field, table: Outcomes) -> Batch:
    examples = examples_of(table, None, "unknown", field.embedder, table.task_names)
    return examples.batch(list(range(len(table))))[0]


if __name__ == "__main__":
    measure_boards(__doc__, "unseen", left_out)
