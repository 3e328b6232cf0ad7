"""Which of several policies keep a risk, proven on calibration prompts: learn then test, and conformal risk control.

The policies are fixed before the calibration prompts are looked at. A column of losses is a policy, from the safest to
the cheapest; a row is a prompt. Prompts must be drawn like those to come: a drift ends every promise made here.
"""

from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, rel_entr

from anabranch.training.risk import unbroken, with_one_more

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Certificate:
    """What was promised of P policies, and on what evidence.

    Args:
        alpha: the most that the mean loss may be.
        delta: share of calibrations that may break the promise; None where it is kept on average over calibrations.
        prompts: how many calibrated it.
        p_values: P, of the hypothesis that a policy's risk exceeds alpha; empty without a test.
        certified: the columns that are certified.
        policy: the cheapest of them; None if nothing could be certified.
    """

    alpha: float
    delta: float | None
    prompts: int
    p_values: tuple[float, ...]
    certified: tuple[int, ...]
    policy: int | None

    @property
    def holds(self) -> bool:
        """Whether anything is certified."""
        return self.policy is not None

    def __str__(self) -> str:
        sure = "on average over calibrations" if self.delta is None else f"{1 - self.delta:.0%} sure"
        promise = f"a risk of at most {self.alpha:g}, {sure}, from {self.prompts} prompts"
        if self.policy is None:
            return f"nothing could be certified: no policy is shown to keep {promise}"
        return f"policy {self.policy} keeps {promise}"


def learn_then_test(
    losses: ArrayLike,
    alpha: float,
    delta: float = 0.1,
    *,
    cost_usd: ArrayLike | None = None,
    procedure: Literal["fixed-sequence", "bonferroni"] = "fixed-sequence",
    zero_one: bool | None = None,
) -> Certificate:
    """With probability 1 - delta every certified policy has a mean loss of at most alpha (Angelopoulos et al. 2021).

    Args:
        losses: [N, P] in [0, 1]; NaN where a policy gave no answer, and its risk is then that of its answers.
        alpha: the most that the mean loss may be.
        delta: share of calibrations in which some certified policy may exceed it.
        cost_usd: [P], by which the cheapest is found; without it, the last certified column is the cheapest.
        procedure: "fixed-sequence" tests column after column and stops at the first that fails, each at delta;
            "bonferroni" tests all in any order, each at delta / P.
        zero_one: whether losses can only be 0 or 1; None reads it off them.

    Raises:
        ValueError: alpha or delta is not between 0 and 1, a loss is outside [0, 1], no prompt or policy is left, or the
            cost of a certified policy is unknown.

    >>> losses = np.array([[False, False, True]] * 5 + [[False, False, False]] * 40)
    >>> found = learn_then_test(losses, alpha=0.1, delta=0.05)
    >>> found.certified, found.policy
    ((0, 1), 1)
    """
    _refuse_share("delta", delta)
    p = p_values(losses, alpha, zero_one=zero_one)
    if procedure == "fixed-sequence":
        columns = tuple(range(unbroken(p <= delta)))
    else:
        columns = tuple(np.flatnonzero(p <= delta / len(p)).tolist())
    cheapest = _cheapest(columns, cost_usd)
    return Certificate(alpha, delta, len(np.asarray(losses)), tuple(p.tolist()), columns, cheapest)


def conformal_risk_control(losses: ArrayLike, alpha: float) -> Certificate:
    """The cheapest policy of a nested family whose risk is at most alpha on average (Angelopoulos et al. 2022).

    The promise needs that the safest policy loses at most alpha on any prompt, or that what is done when nothing is
    certified does.

    Args:
        losses: [N, P] in [0, 1], never falling along a row.
        alpha: the most that the mean loss may be.

    Raises:
        ValueError: alpha is not between 0 and 1, a loss is outside [0, 1], unknown or falls along a row, or no prompt
            or policy is left.

    >>> losses = np.array([[0.0, 0.0, 0.5]] * 6 + [[0.0, 0.0, 0.0]] * 13)
    >>> conformal_risk_control(losses, 0.2).policy, conformal_risk_control(losses, 0.19).policy
    (2, 1)
    """
    cells = _losses(losses, alpha)
    if not (np.diff(cells, axis=1) >= 0).all():
        raise ValueError("a loss is unknown or falls along its row; policies must be nested, from safest to cheapest")
    run = unbroken(with_one_more(_sums(cells), len(cells)) <= alpha)
    return Certificate(alpha, None, len(cells), (), tuple(range(run)), run - 1 if run else None)


def p_values(losses: ArrayLike, alpha: float, *, zero_one: bool | None = None) -> Floats:
    """Of each policy's hypothesis that its mean loss exceeds alpha; [P].

    Exact binomial for losses of 0 and 1, Hoeffding's and Bentkus's bounds together for others.

    Args:
        losses: [N, P] in [0, 1]; NaN counts for nothing.
        alpha: the most that the mean loss may be.
        zero_one: whether losses can only be 0 or 1; None reads it off them.

    Raises:
        ValueError: alpha is not between 0 and 1, a loss is outside [0, 1], or no prompt or policy is left.

    >>> p_values([[0], [0], [1]], 0.5).tolist(), p_values([[0.0], [0.0], [0.5]], 0.5).round(4).tolist()
    ([0.5], [0.483])
    """
    cells = _losses(losses, alpha)
    count, total = (~np.isnan(cells)).sum(axis=0), _sums(cells)
    if zero_one is None:
        zero_one = bool(np.isin(cells[~np.isnan(cells)], (0.0, 1.0)).all())
    binomial = np.asarray(bdtr(np.ceil(total), count, alpha), np.float64)
    if zero_one:
        return binomial
    rate = np.minimum(np.divide(total, count, out=np.full_like(total, alpha), where=count > 0), alpha)
    divergence = rel_entr(rate, alpha) + rel_entr(1 - rate, 1 - alpha)
    return np.asarray(np.minimum(np.exp(-count * divergence), np.e * binomial))


def selective_error(wrong: ArrayLike, answered: ArrayLike) -> Floats:
    """Losses [N, P] whose mean is the share of wrong answers among those given.

    The share is a ratio of two means. Given which prompts are answered, the wrong ones among them are still draws from
    it, so that the plain test over them is exact; what is not answered is NaN.

    Args:
        wrong: bool [N, P] or losses in [0, 1].
        answered: bool [N, P]; a policy that answers little can prove little, whatever its order.

    >>> selective_error([[True, True]], [[True, False]]).tolist()
    [[1.0, nan]]
    """
    return np.where(np.asarray(answered, bool), np.asarray(wrong, np.float64), np.nan)


def regret(strongest: ArrayLike, quality: ArrayLike) -> Floats:
    """Losses [N, P]: how much better the strongest model would have answered, 0 where it would not.

    A bound on it bounds the mean quality lost, since prompts that a policy answers better are not set against it.

    Args:
        strongest: [N], quality of always calling the strongest model.
        quality: [N, P], quality of each policy's answer.

    >>> regret([1.0, 0.0], [[0.25, 1.0], [1.0, 0.0]]).tolist()
    [[0.75, 0.0], [0.0, 0.0]]
    """
    return np.maximum(np.asarray(strongest, np.float64)[:, None] - np.asarray(quality, np.float64), 0.0)


def cost_bound(cost_usd: ArrayLike, alpha: float) -> float:
    """What the next prompt costs at most, with probability 1 - alpha over it and the calibration; USD.

    The conformal quantile: the cost of rank (n + 1)(1 - alpha), rounded up; infinite if there are fewer prompts.

    Args:
        cost_usd: [N], what one fixed policy spent on each prompt.
        alpha: share of prompts that may cost more.

    Raises:
        ValueError: alpha is not between 0 and 1, or a cost is unknown.

    >>> cost_bound(range(1, 20), 0.1), cost_bound(range(1, 20), 0.04)
    (18.0, inf)
    """
    _refuse_share("alpha", alpha)
    cost = np.sort(np.asarray(cost_usd, np.float64))
    if np.isnan(cost).any():
        raise ValueError(f"{int(np.isnan(cost).sum())} of {len(cost)} costs are unknown; a bound needs all of them")
    # what float64 makes of 1 - alpha must not raise a whole rank
    rank = ceil((len(cost) + 1) * (1 - alpha) - 1e-9)
    return float(cost[rank - 1]) if rank <= len(cost) else float("inf")


def _losses(losses: ArrayLike, alpha: float) -> Floats:
    _refuse_share("alpha", alpha)
    cells = np.asarray(losses, np.float64)
    if cells.ndim != 2 or not cells.size:
        raise ValueError(f"losses have shape {cells.shape}; they must be prompts x policies, at least one of each")
    if (cells < 0).any() or (cells > 1).any():
        raise ValueError(f"losses run from {np.nanmin(cells):g} to {np.nanmax(cells):g}; they must lie in [0, 1]")
    return cells


def _sums(cells: Floats) -> Floats:
    # sorted, so that the order of prompts cannot change the last digit
    return np.asarray(np.nansum(np.sort(cells, axis=0), axis=0))


def _refuse_share(name: str, value: float) -> None:
    if not 0 < value < 1:
        raise ValueError(f"{name} is {value:g}; it must lie between 0 and 1")


def _cheapest(columns: tuple[int, ...], cost_usd: ArrayLike | None) -> int | None:
    if not columns:
        return None
    if cost_usd is None:
        return columns[-1]
    cost = np.asarray(cost_usd, np.float64)[list(columns)]
    if np.isnan(cost).any():
        raise ValueError(f"the cost of certified policies is unknown: columns {columns} cost {cost.tolist()}")
    return columns[int(cost.argmin())]
