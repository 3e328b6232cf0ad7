"""The best assignment of a batch of prompts to arms under one budget or one floor, all prompts known beforehand."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array, eye_array, kron

Floats = NDArray[np.float64]
Arms = NDArray[np.int64]

UNSERVED = -1
GAP = 1e-6  # relative, between the best assignment found and the bound at which the search stops


@dataclass(frozen=True, eq=False)
class Assignment:
    """An arm a prompt, and how good the assignment is.

    Args:
        arm: int64 [N], -1 = unserved.
        value: summed quality less penalties under a budget; summed cost in USD, negative, under a floor.
        bound: the linear relaxation's value, which no assignment exceeds.
        price: of one USD in units of quality, the dual of the budget or floor; one of them where several are;
            infinite if the floor costs nothing.
        cost_usd: summed over the served prompts.
        quality: summed over the served prompts.
    """

    arm: Arms
    value: float
    bound: float
    price: float
    cost_usd: float
    quality: float


def assign(
    quality: ArrayLike,
    cost_usd: ArrayLike,
    *,
    budget_usd: float | None = None,
    floor: float | None = None,
    penalty: float = 0.0,
) -> Assignment:
    """The assignment of most quality within a budget, or of least cost above a floor (FORC, Sakota et al. 2024).

    Solved as an integer program by HiGHS. Under a budget a prompt may stay unserved, at quality 0 less `penalty`;
    under a floor every prompt is served.

    Args:
        quality: [N, A], estimated or known.
        cost_usd: [N, A].
        budget_usd: for the whole batch; kept to 1e-6 of the dearest cell.
        floor: mean quality a prompt.
        penalty: quality that an unserved prompt costs.

    Raises:
        ValueError: not exactly one of budget and floor is given, a cell is unknown, or nothing reaches the floor.

    >>> found = assign([[0.2, 0.8], [0.5, 0.7]], [[1.0, 3.0], [1.0, 3.0]], budget_usd=5.0)
    >>> found.arm.tolist(), round(found.value, 3), round(found.bound, 3), round(found.price, 3)
    ([1, 0], 1.3, 1.4, 0.1)
    """
    problem = _Problem.stated(quality, cost_usd, budget_usd, floor, penalty)
    bound, price = problem.relaxed()
    arm = problem.solved()
    return Assignment(arm, problem.worth(arm), bound, price, *_sums(arm, problem.quality, problem.cost_usd))


def assign_greedily(quality: ArrayLike, cost_usd: ArrayLike, budget_usd: float) -> Arms:
    """The best arm of each prompt in turn, unserved (-1) where the rest of the budget does not pay for it; [N].

    FORC's baseline. It spends on whoever comes first, and never tries a cheaper arm.

    Raises:
        ValueError: a cell is unknown.

    >>> assign_greedily([[0.2, 0.8], [0.5, 0.7]], [[1.0, 3.0], [1.0, 3.0]], budget_usd=4.0).tolist()
    [1, -1]
    """
    known, costs = _known(quality, cost_usd)
    arm = np.full(len(known), UNSERVED, np.int64)
    left = budget_usd
    for row, best in enumerate(known.argmax(axis=1)):
        if costs[row, best] <= left:
            arm[row], left = best, left - costs[row, best]
    return arm


@dataclass(frozen=True, eq=False)
class _Problem:
    """Maximise `gain` of a 0/1 choice a prompt while `use` stays within `limit`; costs in units of the dearest."""

    quality: Floats
    cost_usd: Floats
    gain: Floats  # [N, A], and one more column for unserved under a budget
    use: Floats  # as gain
    limit: float
    unit_usd: float
    capped: bool  # by a budget; else by a floor

    @classmethod
    def stated(
        cls, quality: ArrayLike, cost_usd: ArrayLike, budget_usd: float | None, floor: float | None, penalty: float
    ) -> "_Problem":
        known, costs = _known(quality, cost_usd)
        unit = float(costs.max(initial=0.0)) or 1.0
        if budget_usd is not None and floor is None:
            if budget_usd < 0:
                raise ValueError(f"budget_usd is {budget_usd:g}; it must be at least 0")
            none = np.zeros((len(known), 1))
            gain, use = np.hstack([known, none - penalty]), np.hstack([costs / unit, none])
            return cls(known, costs, gain, use, budget_usd / unit, unit, True)
        if floor is None or budget_usd is not None:
            raise ValueError("an assignment has a budget or a floor: give exactly one of budget_usd and floor")
        best = known.max(axis=1).mean()
        if floor > best:
            raise ValueError(f"no assignment reaches a mean quality of {floor:g}; the best arms reach {best:.4f}")
        return cls(known, costs, -costs / unit, -known, -floor * len(known), unit, False)

    def relaxed(self) -> tuple[float, float]:
        """The linear relaxation's value, and its dual price in quality a USD."""
        found = linprog(
            -self.gain.ravel(),
            A_ub=csr_array(self.use.reshape(1, -1)),
            b_ub=[self.limit],
            A_eq=self._one_each(),
            b_eq=np.ones(len(self.gain)),
            bounds=(0, 1),
            method="highs",
        )
        _require(found)
        dual = max(0.0, -float(found.ineqlin.marginals[0]))
        if self.capped:
            return -float(found.fun), dual / self.unit_usd
        return -float(found.fun) * self.unit_usd, 1 / (dual * self.unit_usd) if dual > 0 else float("inf")

    def solved(self) -> Arms:
        """The best arm of each prompt, -1 = unserved."""
        found = milp(
            -self.gain.ravel(),
            integrality=np.ones(self.gain.size),
            bounds=Bounds(0, 1),
            constraints=[
                LinearConstraint(csr_array(self.use.reshape(1, -1)), -np.inf, self.limit),
                LinearConstraint(self._one_each(), 1, 1),
            ],
            options={"mip_rel_gap": GAP},
        )
        _require(found)
        chosen = found.x.reshape(self.gain.shape).argmax(axis=1)
        return np.where(chosen < self.quality.shape[1], chosen, UNSERVED).astype(np.int64)

    def worth(self, arm: Arms) -> float:
        """What an assignment gains: quality less penalties, or minus USD."""
        gained = float(self.gain[np.arange(len(arm)), arm].sum())  # column -1 is unserved
        return gained if self.capped else gained * self.unit_usd

    def _one_each(self) -> csr_array:
        """Exactly one choice a prompt: [N, N * columns]."""
        return kron(eye_array(len(self.gain)), np.ones((1, self.gain.shape[1])), format="csr")


def _known(quality: ArrayLike, cost_usd: ArrayLike) -> tuple[Floats, Floats]:
    known, costs = np.asarray(quality, np.float64), np.asarray(cost_usd, np.float64)
    if known.ndim != 2 or known.shape != costs.shape or not known.size:
        raise ValueError(f"quality has shape {known.shape} and cost_usd {costs.shape}; both must be [N, A], not empty")
    for name, cells in (("quality", known), ("cost_usd", costs)):
        if not np.isfinite(cells).all():
            row, arm = np.argwhere(~np.isfinite(cells))[0]
            raise ValueError(f"{name}[{row}, {arm}] is {cells[row, arm]}: an assignment needs every cell known")
    if costs.min() < 0:
        raise ValueError(f"cost_usd falls to {costs.min():g}; a cost is at least 0")
    return known, costs


def _sums(arm: Arms, quality: Floats, cost_usd: Floats) -> tuple[float, float]:
    """Summed cost and quality of the served prompts."""
    served = np.flatnonzero(arm != UNSERVED)
    return float(cost_usd[served, arm[served]].sum()), float(quality[served, arm[served]].sum())


def _require(found: Any) -> None:
    if found.x is None:
        raise ValueError(f"HiGHS found no assignment: {found.message}")
