"""What a router must beat: choices that do not look at the prompt, and the one that looks at the answers."""

import numpy as np

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.training.metrics.hull import ndch
from anabranch.training.metrics.oracle import Choices

MIN_COVERAGE = 0.95  # of the best-covered arm; a mean over fewer prompts is not comparable


def best_single(outcomes: Outcomes) -> int:
    """The arm with the highest mean quality among those labelled (nearly) everywhere; ties go to the cheaper.

    >>> best_single(Outcomes.from_arrays(["a", "b"], [[0.0, 1.0], [1.0, 1.0]]))
    1
    """
    quality = column_means(outcomes.quality)
    cost = np.nan_to_num(column_means(outcomes.cost_usd), nan=0.0)
    coverage = (~np.isnan(outcomes.quality)).mean(axis=0)
    quality = np.where(coverage >= MIN_COVERAGE * coverage.max(), quality, -np.inf)
    return int(np.lexsort((cost, -quality))[0])


def cheapest_single(outcomes: Outcomes) -> int | None:
    """The arm with the lowest mean cost; None if no cost is known."""
    cost = column_means(outcomes.cost_usd)
    return None if np.isnan(cost).all() else int(np.nanargmin(cost))


def frontier_arms(quality: Floats, cost: Floats) -> tuple[int, ...]:
    """The arms at the vertices of the best mixes of single arms, cheapest first (the zero router's arms).

    Args:
        quality: [N, A].
        cost: [N, A], same unit throughout.

    >>> frontier_arms(np.array([[0.2, 0.1, 0.9]]), np.array([[1.0, 2.0, 3.0]]))
    (0, 2)
    """
    mean_cost, mean_quality = column_means(cost), column_means(quality)
    hull = ndch(mean_cost, mean_quality)
    points = zip(mean_cost, mean_quality, strict=True)
    place = {point: arm for arm, point in reversed(list(enumerate(points)))}
    return tuple(place[point] for point in zip(hull.cost, hull.quality, strict=True))


def task_lookup(train: Outcomes, test: Outcomes) -> Choices:
    """For each test prompt [n] the arm that is best on its task in train; best single for a task not in train.

    >>> train = Outcomes.from_arrays(["a", "b"], [[1, 0], [0, 1], [0, 1]], tasks=["sums", "dates", "dates"])
    >>> task_lookup(train, Outcomes.from_arrays(["a", "b"], [[0, 0], [0, 0]], tasks=["sums", "news"])).tolist()
    [0, 1]
    """
    tasks = np.array(train.tasks)
    best = {task: best_single(train.take(tasks == task)) for task in set(train.tasks)}
    otherwise = best_single(train)
    return np.array([best.get(task, otherwise) for task in test.tasks], np.intp)


def column_means(values: Floats) -> Floats:
    """The mean of the known cells of each column, [N, A] -> [A]; NaN where none is known."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=0, dtype=np.float64)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)
