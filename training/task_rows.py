"""A router task by task."""

import numpy as np
from numpy.typing import NDArray

from anabranch.training.ground import Ground
from anabranch.training.metrics.oracle import chosen_cells, oracle_utility
from anabranch.training.report.contents import TaskRow


def task_rows(choice: NDArray[np.int64], ground: Ground) -> tuple[TaskRow, ...]:
    """One row a task, most prompts first; choice [n]."""
    table = ground.table
    chosen = chosen_cells(table.quality, choice)
    single = table.quality[:, ground.best].astype(np.float64)
    best = oracle_utility(table.quality)
    tasks = np.array(table.tasks)
    names, counts = np.unique(tasks, return_counts=True)
    order = np.lexsort((names, -counts))
    of_task = np.where(tasks[:, None] == names[order], 1.0, np.nan)  # (n, tasks); NaN leaves a prompt out
    both = np.concatenate([chosen[:, None] * of_task, (chosen - single)[:, None] * of_task], axis=1)
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
