"""Cascade routing from recorded answers: what to believe of the models, and the price that a budget sets.

What a policy does on a prompt changes at finitely many prices, and these can be worked out: for all prices together,
mean quality and mean cost are step functions whose steps are known. The best price is looked up there; nothing is
searched by halves, and a cost that does not fall as the price rises, as happens to policies of several steps, does no
harm.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.cascade_routing import CascadeRouting, Standing
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.state import Action, Answer, Call, State
from anabranch.routers.deferral.supermodel import Sets
from anabranch.training.replay.executor import replay

ROUNDING = 1e-10  # in units of quality, well above what policies take for a tie
SAME, CLEAR = 1e-13, 1e-9  # relative: prices this close are one; between prices this far apart one can be set


@dataclass(frozen=True)
class FittedCascadeRouting:
    """A policy and what it is expected to reach on the rows that it was fitted on, over its draws.

    Args:
        policy: see `CascadeRouting`.
        quality: mean quality of its answers.
        cost_usd: mean cost of all calls made.
    """

    policy: CascadeRouting
    quality: float
    cost_usd: float


class PriceCurve(NamedTuple):
    """Mean quality and cost of a policy at every price.

    Args:
        policy: its own price and gamma do not matter.
        price: float64 [K + 1], falling from infinity to 0; where anything changes.
        quality: float64 [K], between each price and the next.
        cost_usd: float64 [K], likewise.
    """

    policy: CascadeRouting
    price: Floats
    quality: Floats
    cost_usd: Floats


def fit_cascade_routing(
    table: ReplayTable,
    estimates: Floats | None,
    signals: Sequence[str],
    budget_usd: float,
    *,
    max_depth: int = 5,
    cost_usd: Floats | None = None,
    seed: int = 0,
) -> FittedCascadeRouting:
    """The best of cascade routing, routing and cascading at a budget.

    The last two are candidates in the same selection, so on these rows it is never worse than either.

    Args:
        table: N prompts, M models, all cells recorded; the first sample drawn counts.
        estimates: float [N, M], from a router that did not learn from these prompts; None without a router.
        signals: names among the table's.
        budget_usd: of the mean over prompts, all calls counted.
        max_depth: the most answers of a prompt.
        cost_usd: float [N, M], expected cost of a call; each model's mean if None, as `replay` has it.
        seed: of which sample comes first, as in `replay`.

    Raises:
        ValueError: no policy of the three is within budget, or a quality or cost is not known.
    """
    met = meet_all(table, estimates, cost_usd, seed)
    order = tuple(int(model) for model in met.cost_usd.mean(axis=0).argsort(kind="stable"))
    belief = fit_belief(met, order, signals)
    free = CascadeRouting(order, belief, lam=0.0, max_depth=max_depth)
    routing, cascading = replace(free, max_depth=1), replace(free, forced=True)
    return best_at_budget([price_curve(policy, met) for policy in (routing, cascading, free)], budget_usd)


class Met(NamedTuple):
    """What a policy meets on N prompts if it calls all M models once.

    Args:
        states: N states; their candidates are all M, in the order of their numbers.
        quality: float64 [N, M], of their answers.
        cost_usd: float64 [N, M].
    """

    states: tuple[State, ...]
    quality: Floats
    cost_usd: Floats


def meet_all(table: ReplayTable, estimates: Floats | None, cost_usd: Floats | None = None, seed: int = 0) -> Met:
    """The answers that `replay` gives to the first call of each model.

    Raises:
        ValueError: a quality or a cost is not known.
    """
    observer = _Observer(tuple(range(len(table.models))), [])
    replay(observer, table, quality=estimates, cost_usd=cost_usd, seed=seed)
    sample = np.array([[one.sample for one in state.candidates] for state in observer.states])
    quality = np.take_along_axis(table.quality, sample[:, :, None], axis=2)[:, :, 0].astype(np.float64)
    cost = np.array([[one.cost_usd for one in state.candidates] for state in observer.states])
    if np.isnan(cost).any():
        raise ValueError(
            f"{int(np.isnan(cost).any(axis=1).sum())} prompts have a cost that is not known; leave them out"
        )
    return Met(tuple(observer.states), quality, cost)


@dataclass(frozen=True)
class _Observer:
    """Calls all models once and notes what came back."""

    models: tuple[int, ...]
    states: list[State]

    def decide(self, state: State) -> Action:
        if not state.candidates:
            return Call(self.models)
        self.states.append(state)
        return Answer(0)


def fit_belief(met: Met, models: Sequence[int], signals: Sequence[str]) -> GaussianBelief:
    """The joint Gaussian of qualities and signals that the estimates leave, of L models in this order.

    Slopes are of a ridge regression that counts as L more prompts on which all is as usual; correlations of what it
    leaves are shrunk as if as many prompts without any had been seen as there are qualities and signals. A signal or an
    estimate that is not known counts as its mean, so what is rarely there is believed to say little.
    """
    columns = list(models)
    estimates = _centred(np.array([state.quality[columns] for state in met.states]))
    read = [
        [state.candidates[model].signals.get(name, np.nan) for model in columns for name in signals]
        for state in met.states
    ]
    targets = _centred(np.hstack([met.quality[:, columns], np.array(read, np.float64).reshape(len(met.states), -1)]))
    rows, width = targets.values.shape
    gram = estimates.values.T @ estimates.values
    ridge = np.diag(np.diag(gram) * len(columns) / rows + np.finfo(np.float64).tiny)
    slope = np.linalg.lstsq(gram + ridge, estimates.values.T @ targets.values, rcond=None)[0].T
    left = targets.values - estimates.values @ slope.T
    covariance = left.T @ left / max(rows - len(columns) - 1, 1)
    shrunk = covariance * rows / (rows + width) + np.diag(np.diag(covariance)) * width / (rows + width)
    return GaussianBelief(tuple(signals), _row(estimates.mean), _row(targets.mean), _rows(slope), _rows(shrunk))


class _Centred(NamedTuple):
    values: Floats
    mean: Floats


def _centred(values: Floats) -> _Centred:
    """Less the mean of each column; 0 where not known."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return _Centred(np.where(known, values - mean, 0.0), mean)


def _row(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _rows(values: Floats) -> tuple[tuple[float, ...], ...]:
    return tuple(_row(row) for row in values)


def price_curve(policy: CascadeRouting, met: Met) -> PriceCurve:
    """What a policy reaches at every price."""
    rows = [list(_Prompt(policy, met, row).pieces()) for row in range(len(met.states))]
    pieces = np.array([piece for row in rows for piece in row])  # (pieces, price above, quality, cost)
    change = np.diff(pieces[:, 1:], axis=0, prepend=0.0)
    opening = np.isinf(pieces[:, 0])
    change[opening] = 0.0
    order = (-pieces[~opening, 0]).argsort(kind="stable")
    steps = np.concatenate([pieces[opening, 1:].sum(axis=0)[None], change[~opening][order]]).cumsum(axis=0) / len(rows)
    price = np.concatenate([[np.inf], pieces[~opening, 0][order], [0.0]])
    return PriceCurve(policy, price, steps[:, 0], steps[:, 1])


class _Piece(NamedTuple):
    """What comes of a prompt at prices up to `high`, down to the next piece's."""

    high: float
    quality: float
    cost_usd: float


class _Prompt:
    """One prompt at all prices."""

    def __init__(self, policy: CascadeRouting, met: Met, row: int) -> None:
        self.policy, self.state = policy, met.states[row]
        self.quality, self.cost_usd = met.quality[row], met.cost_usd[row]
        self.seen: dict[tuple[int, ...], tuple[Standing, Sets]] = {}

    def pieces(self, called: tuple[int, ...] = (), low: float = 0.0, high: float = np.inf) -> Iterator[_Piece]:
        """Between two prices, from the high to the low one, once some models were called, in ascending order."""
        if called not in self.seen:
            state = replace(self.state, candidates=tuple(self.state.candidates[model] for model in called))
            now = self.policy.standing(state)
            self.seen[called] = now, self.policy.sets(now, prune=False)
        now, sets = self.seen[called]
        for at, below, above in _best_sets(sets, low, high):
            action = self.policy.towards(int(sets.members[at]), now)
            if isinstance(action, Call):
                yield from self.pieces(tuple(sorted(called + action.models)), below, above)
            elif isinstance(action, Answer):
                yield _Piece(above, self.quality[called[action.pick]], self.cost_usd[list(called)].sum())


def _best_sets(sets: Sets, low: float, high: float) -> Iterator[tuple[int, float, float]]:
    """Which set is best between which two prices, from the high to the low one."""
    worth, cost = sets.worth, sets.cost_usd
    at = sets.best(high, dear=True) if np.isfinite(high) else int(np.lexsort((-worth, cost))[0])
    least = SAME * cost.max()
    while True:
        rise, extra = worth - worth[at], cost - cost[at]
        slope = np.divide(rise, extra, out=np.full(len(rise), -1.0), where=(rise > ROUNDING) & (extra > least))
        best = int(slope.argmax())
        if slope[best] <= low:
            yield at, low, high
            return
        if slope[best] < high:
            yield at, float(slope[best]), high
        at, high = best, min(high, float(slope[best]))


def best_at_budget(curves: Sequence[PriceCurve], budget_usd: float) -> FittedCascadeRouting:
    """The best price of the best policy, and the mix at one price that spends a budget exactly if that is better.

    Raises:
        ValueError: nothing is within budget.
    """
    found = [one for curve in curves for one in _within(curve, budget_usd)]
    if not found:
        least = min(float(curve.cost_usd.min()) for curve in curves)
        raise ValueError(f"a budget of {budget_usd} a prompt is infeasible: the least that can be spent is {least}")
    return max(found, key=lambda one: (one.quality, -one.cost_usd))


def _within(curve: PriceCurve, budget_usd: float) -> Iterator[FittedCascadeRouting]:
    """The best price, and the best mix, that are within budget."""
    above, below = curve.price[:-1], curve.price[1:]
    clear = np.flatnonzero((above - below > CLEAR * below) | np.isinf(above))
    quality, cost, above, below = curve.quality[clear], curve.cost_usd[clear], above[clear], below[clear]
    paid = cost <= budget_usd * (1 + SAME)
    if paid.any():
        best = np.lexsort((cost, -np.where(paid, quality, -np.inf)))[0]
        price = (above[best] + below[best]) / 2 if np.isfinite(above[best]) else 2 * below[best] or 1.0
        policy = replace(curve.policy, lam=float(price), gamma=0.0)
        yield FittedCascadeRouting(policy, float(quality[best]), float(cost[best]))
    meets = np.flatnonzero((paid[:-1] != paid[1:]) & (below[:-1] - above[1:] <= SAME * below[:-1]))
    if len(meets):
        share = np.clip((budget_usd - cost[meets]) / (cost[meets + 1] - cost[meets]), 0, 1)
        mixed = (1 - share) * quality[meets] + share * quality[meets + 1]
        best = int(mixed.argmax())
        price = (below[meets[best]] + above[meets[best] + 1]) / 2
        policy = replace(curve.policy, lam=float(price), gamma=float(share[best]))
        yield FittedCascadeRouting(policy, float(mixed[best]), float(budget_usd))
