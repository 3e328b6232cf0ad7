"""RouteLLM's metrics per family of tasks, with intervals."""

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.training.metrics.pair import bootstrap_apgr, bootstrap_cpt, oracle_apgr
from anabranch.training.paired import Paired
from anabranch.training.report.contents import PairRow


def pair_rows(advantage: Floats, table: Outcomes, weak: int, strong: int, paired: Paired) -> tuple[PairRow, ...]:
    """One row a family, the part of the task before `/`; all prompts first.

    Args:
        advantage: [n], how much better the router thinks the strong arm is.
        table: n prompts.
        weak: column of the weaker arm on average.
        strong: column of the stronger.
        paired: the draws over the n prompts.
    """
    families = np.array([task.partition("/")[0] for task in table.tasks])
    names = sorted(set(families))
    groups = [("all", np.ones(len(families), dtype=bool)), *((name, families == name) for name in names)]
    known = ~np.isnan(table.quality[:, [weak, strong]]).any(axis=1)
    wanted = groups if len(names) > 1 else groups[:1]
    return tuple(_row(name, rows & known, advantage, table, weak, strong, paired) for name, rows in wanted)


def _row(
    family: str, rows: NDArray[np.bool_], advantage: Floats, table: Outcomes, weak: int, strong: int, paired: Paired
) -> PairRow:
    low, high = (table.quality[rows, arm].astype(np.float64) for arm in (weak, strong))
    counts, score = paired.counts[:, rows], advantage[rows]
    cpt50, cpt80 = bootstrap_cpt(counts, score, low, high, levels=(0.5, 0.8))
    return PairRow(
        family=family,
        prompts=int(rows.sum()),
        weak=float(low.mean()),
        strong=float(high.mean()),
        apgr=paired.interval(bootstrap_apgr(counts, score, low, high)),
        oracle_apgr=oracle_apgr(low, high),
        cpt50=paired.interval(cpt50),
        cpt80=paired.interval(cpt80),
    )
