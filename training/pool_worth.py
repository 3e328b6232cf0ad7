"""Whether a model pool is worth routing: what its models do, what an oracle would, and how much of that is learnt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from anabranch.data.outcomes import Outcomes
from anabranch.training.baselines import best_single, column_means, task_lookup
from anabranch.training.metrics.oracle import Choices, chosen_cells, headroom_recovered, oracle_utility
from anabranch.training.paired import Paired
from anabranch.training.report.contents import Interval

LOOKUP = "task lookup"


@dataclass(frozen=True)
class PoolWorth:
    """What a pool is worth on prompts that nothing was learnt from.

    Args:
        prompts: how many.
        best_single: the best model of the training prompts.
        quality: mean of each model, of the oracle, of the lookup by task and of each router.
        cost_usd: mean of each model, USD a request; NaN if unknown.
        tasks: task -> model -> mean quality.
        recovered: share of the way from the best single model to the oracle, of the lookup and of each router.
        beyond_lookup: share that each router recovers beyond the lookup, paired.
    """

    prompts: int
    best_single: str
    quality: dict[str, Interval]
    cost_usd: dict[str, float]
    tasks: dict[str, dict[str, float]]
    recovered: dict[str, Interval]
    beyond_lookup: dict[str, Interval]


def pool_worth(train: Outcomes, test: Outcomes, choices: Mapping[str, Choices], paired: Paired) -> PoolWorth:
    """Measure a pool on `test`; what is chosen beforehand is chosen on `train`.

    Args:
        train: outcomes that name the best single model and the best model of each task.
        test: outcomes of the same arms, n prompts.
        choices: router -> its arm for each prompt of `test`, [n].
        paired: bootstrap draws over the n prompts.
    """
    best = best_single(train)
    chosen = {LOOKUP: task_lookup(train, test), **choices}
    columns = {
        **{arm: test.quality[:, place] for place, arm in enumerate(test.arms)},
        "oracle": oracle_utility(test.quality),
        **{name: chosen_cells(test.quality, choice) for name, choice in chosen.items()},
    }
    means = {name: paired.means(column) for name, column in columns.items()}  # each (1 + R,)
    recovered = {name: headroom_recovered(means[name], means[test.arms[best]], means["oracle"]) for name in chosen}
    return PoolWorth(
        prompts=len(test),
        best_single=test.arms[best],
        quality={name: paired.interval(mean) for name, mean in means.items()},
        cost_usd=dict(zip(test.arms, column_means(test.cost_usd).tolist(), strict=True)),
        tasks=quality_by(test, test.tasks),
        recovered={name: paired.interval(share) for name, share in recovered.items()},
        beyond_lookup={name: paired.interval(recovered[name] - recovered[LOOKUP]) for name in choices},
    )


def quality_by(test: Outcomes, groups: Sequence[str]) -> dict[str, dict[str, float]]:
    """Group -> arm -> mean quality; one group's name for each prompt of `test`.

    >>> quality_by(Outcomes.from_arrays(["a"], [[1.0], [0.0], [1.0]]), ["x", "x", "y"])
    {'x': {'a': 0.5}, 'y': {'a': 1.0}}
    """
    of_task = {group: test.take(np.array(groups) == group) for group in sorted(set(groups))}
    return {
        task: dict(zip(test.arms, column_means(part.quality).tolist(), strict=True)) for task, part in of_task.items()
    }
