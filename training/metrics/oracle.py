"""The oracle, which knows every outcome, and how much of its headroom a router recovers.

Outcomes are `quality` [n, A] and `cost` [n, A] in USD, NaN where unknown; functions per prompt return [n], so that the
mean or a bootstrap is one step away.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.training.metrics.bootstrap import masked_mean

Floats = NDArray[np.float64]
Choices = NDArray[np.intp]

# A smaller denominator makes a ratio of means noise.
SMALLEST_BASE = 1e-9


def utility(quality: ArrayLike, cost: ArrayLike | None = None, cost_weight: float = 0.0) -> Floats:
    """Quality minus `cost_weight` (lambda, quality per USD) times cost, [n, A]; NaN where a part it needs is NaN.

    Raises ValueError on a negative weight, or a positive one without costs.

    >>> utility([[0.5, 1.0]], [[0.0, 0.2]], cost_weight=2.0).tolist()
    [[0.5, 0.6]]
    """
    if cost_weight == 0:
        return np.asarray(quality, np.float64)
    if cost_weight < 0 or cost is None:
        raise ValueError(f"cost_weight {cost_weight} must be >= 0, and needs costs unless it is 0; got {cost!r}")
    return np.asarray(quality, np.float64) - cost_weight * np.asarray(cost, np.float64)


def oracle_choice(quality: ArrayLike, cost: ArrayLike | None = None, cost_weight: float = 0.0) -> Choices:
    """Arm of highest utility for each prompt [n].

    Ties go to the cheapest (an unknown cost is the dearest), without costs to the first. When no arm answers right,
    that is the cheapest arm, as in LLMRouterBench; RouterBench counts such a prompt as free. A prompt without any
    known utility gets arm 0, whose cell is then missing.

    >>> oracle_choice([[1, 1, 0], [0, 0, 0]], [[0.3, 0.2, 0.1], [0.3, 0.2, 0.1]]).tolist()
    [1, 2]
    """
    worth = utility(quality, cost, cost_weight)
    price = np.zeros_like(worth) if cost is None else np.asarray(cost, np.float64)
    price = np.where(np.isnan(price), np.finfo(np.float64).max, price)
    tied = worth == np.fmax.reduce(worth, axis=1, keepdims=True)
    return np.asarray(np.argmin(np.where(tied, price, np.inf), axis=1), np.intp)


def oracle_utility(quality: ArrayLike, cost: ArrayLike | None = None, cost_weight: float = 0.0) -> Floats:
    """Highest utility for each prompt [n]: with cost_weight 0 the oracle quality; NaN if no arm is known.

    >>> oracle_utility([[0.0, 1.0], [0.5, np.nan]]).tolist()
    [1.0, 0.5]
    """
    return np.asarray(np.fmax.reduce(utility(quality, cost, cost_weight), axis=1))


def task_oracle_choice(quality: ArrayLike, tasks: ArrayLike, cost: ArrayLike | None = None) -> Choices:
    """For each prompt [n] the arm of highest mean quality on its task; `tasks` [n] are labels. Ties as the oracle.

    >>> task_oracle_choice([[1, 0], [0, 0], [0, 1]], tasks=["sums", "sums", "dates"]).tolist()
    [0, 0, 1]
    """
    _, task = np.unique(np.asarray(tasks), return_inverse=True)
    means = _group_means(np.asarray(quality, np.float64), task)
    price = None if cost is None else _group_means(np.asarray(cost, np.float64), task)
    return oracle_choice(means, price)[task]


def _group_means(values: Floats, group: NDArray[np.intp]) -> Floats:
    """Mean of the known `values` [n, A] in each group, [G, A]; NaN where a group has none."""
    member = np.arange(group.max() + 1)[:, None] == group  # (G, n)
    known = member @ (~np.isnan(values)).astype(np.float64)
    return masked_mean(member @ np.nan_to_num(values), known)


def hit(quality: ArrayLike, choice: ArrayLike) -> Floats:
    """1 where the chosen arm [n] is among the best of its prompt (ties count), else 0; NaN where it is unknown.

    >>> hit([[1.0, 1.0], [0.0, 1.0]], [0, 0]).tolist()
    [1.0, 0.0]
    """
    quality = np.asarray(quality, np.float64)
    chosen = chosen_cells(quality, choice)
    return np.where(np.isnan(chosen), np.nan, chosen == np.fmax.reduce(quality, axis=1))


def chosen_cells(values: ArrayLike, choice: ArrayLike) -> Floats:
    """Cell of `values` [n, A] that each prompt's choice [n] points at; ValueError on a choice outside the arms.

    >>> chosen_cells([[0.1, 0.2], [0.3, 0.4]], [1, 0]).tolist()
    [0.2, 0.3]
    """
    values, choice = np.asarray(values, np.float64), np.asarray(choice, np.intp)
    if choice.size and not 0 <= choice.min() <= choice.max() < values.shape[1]:
        raise ValueError(f"choices {choice.min()}..{choice.max()} must be arms 0..{values.shape[1] - 1}")
    return np.asarray(values[np.arange(len(values)), choice], np.float64)


def headroom_recovered(quality: ArrayLike, best_single: ArrayLike, oracle: ArrayLike) -> Floats:
    """Share of the way from the best single model to the oracle, of mean qualities; NaN if there is no headroom.

    >>> round(float(headroom_recovered(0.75, best_single=0.7, oracle=0.9)), 3)
    0.25
    """
    best_single = np.asarray(best_single, np.float64)
    return _ratio(np.asarray(quality, np.float64) - best_single, np.asarray(oracle, np.float64) - best_single)


def relative_gain(quality: ArrayLike, base: ArrayLike) -> Floats:
    """(quality - base) / base: Gain@R over the random router, Gain@B over the best single model; NaN if base is 0.

    RouterEval's V_B, and V_R against a reference model, are 1 + this. LLMRouterBench.

    >>> round(float(relative_gain(0.6, base=0.5)), 3)
    0.2
    """
    base = np.asarray(base, np.float64)
    return _ratio(np.asarray(quality, np.float64) - base, base)


def oracle_gap(quality: ArrayLike, oracle: ArrayLike) -> Floats:
    """Gap@O: (oracle - quality) / oracle; NaN if the oracle's quality is 0.

    >>> round(float(oracle_gap(0.6, oracle=0.8)), 3)
    0.25
    """
    return -relative_gain(quality, oracle)


def _ratio(part: Floats, whole: Floats) -> Floats:
    none = np.abs(whole) < SMALLEST_BASE
    return np.where(none, np.nan, part / np.where(none, 1.0, whole))
