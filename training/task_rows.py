"""A router or cascade task by task."""

import numpy as np

from anabranch.data.outcomes import Floats
from anabranch.training.ground import Ground
from anabranch.training.metrics.oracle import oracle_utility
from anabranch.training.report.contents import TaskRow


def task_rows(reached: Floats, ground: Ground) -> tuple[TaskRow, ...]:
    """One row a task, most prompts first; `reached` [n] is the quality of each prompt, NaN if unknown."""
    table = ground.table
    single = table.quality[:, ground.best].astype(np.float64)
    best = oracle_utility(table.quality)
    tasks = np.array(table.tasks)
    names, counts = np.unique(tasks, return_counts=True)
    order = np.lexsort((names, -counts))
    of_task = np.where(tasks[:, None] == names[order], 1.0, np.nan)  # (n, tasks); NaN leaves a prompt out
    both = np.concatenate([reached[:, None] * of_task, (reached - single)[:, None] * of_task], axis=1)
    quality, gain = np.split(ground.paired.means(both), 2, axis=1)
    singles, oracles = (np.nanmean(values[:, None] * of_task, axis=0) for values in (single, best))
    return tuple(
        TaskRow(
            task=str(names[task]),
            prompts=int(counts[task]),
            quality=ground.paired.interval(quality[:, column]),
            gain=ground.paired.interval(gain[:, column]),
            best_single=float(singles[column]),
            oracle=float(oracles[column]),
        )
        for column, task in enumerate(order)
    )
