"""The best thresholds of a chain under a budget on mean cost.

FrugalGPT (Chen et al. 2023, arXiv 2305.05176) searches a grid of quantiles that must rise along the chain, then
polishes. Here the candidates are the breakpoints of the data and nothing must rise: two stages are solved exactly,
three exactly while there are few enough prompts, longer chains a pair of thresholds at a time. One at a time would not
do: on the edge of the budget no threshold can move unless another makes room for it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from numpy.typing import NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.chain_replay import ChainOutcomes, chain_outcomes, sweep
from anabranch.training.replay.two_stage import (
    Infeasible,
    best_within,
    breakpoints,
    refuse_gaps,
    two_stage_curve,
)

Floats = NDArray[np.float64]

MOST_CELLS = 2**23
CELLS_AT_ONCE = 2**20
LEAST_FIRST = 32
LONG_CHAIN = 8  # many steps are taken along a long chain; each looks at so much less
MOST_PATTERNS = 32
MOST_ROUNDS = 20


@dataclass(frozen=True)
class Fitted:
    """Thresholds, and the means that they reach on the prompts they were fitted on.

    Args:
        thresholds: L - 1 floats.
        quality: mean over prompts.
        cost_usd: mean over prompts, of all calls made.
    """

    thresholds: tuple[float, ...]
    quality: float
    cost_usd: float

    def beats(self, other: "Fitted | None") -> bool:
        """Is it better, or as good and cheaper?"""
        return other is None or (self.quality, -self.cost_usd) > (other.quality, -other.cost_usd)


@dataclass(frozen=True)
class FittedChain:
    """A chain, and the means that it reaches on the prompts it was fitted on.

    Args:
        policy: the chain with its thresholds.
        quality: mean over prompts.
        cost_usd: mean over prompts, of all calls made.
    """

    policy: ThresholdChain
    quality: float
    cost_usd: float


def fit_chain(
    table: ReplayTable, models: Sequence[int], signal: str, budget_usd: float, *, seed: int = 0
) -> FittedChain:
    """The best thresholds of a chain of models under a budget.

    Args:
        table: N prompts.
        models: L numbers, in the order in which they are called.
        signal: the name of the confidence.
        budget_usd: the most that a prompt may cost on average.
        seed: of the draws among samples, as in `replay`.

    Raises:
        Infeasible: the chain costs more at any thresholds.
        NotReplayable: an answer is not recorded.
        ValueError: the signal, or a cost, is not known.
    """
    fitted = fit_thresholds(chain_outcomes(table, models, signal, seed), budget_usd)
    return FittedChain(ThresholdChain(tuple(models), fitted.thresholds, signal), fitted.quality, fitted.cost_usd)


def fit_thresholds(outcomes: ChainOutcomes, budget_usd: float, *, most_cells: int = MOST_CELLS) -> Fitted:
    """The best thresholds under a budget; of equals, the cheapest.

    Exact for one and two stages, and for three while breakpoints of the first confidence times prompts are at most
    `most_cells`; else the first threshold is looked for among so many quantiles as that leaves, and then both are
    moved on all breakpoints, one at a time. Longer chains may end in a local optimum.

    Args:
        outcomes: N prompts, L stages.
        budget_usd: the most that a prompt may cost on average.
        most_cells: bounds the work of a step, and makes it exact or not.

    Raises:
        Infeasible: the chain costs more at any thresholds.
        NotReplayable: an answer is not recorded.
        ValueError: a cost is unknown.

    >>> outcomes = ChainOutcomes.of_calls([[0.2], [0.9]], [[0.0, 1.0], [1.0, 1.0]], [[1.0, 5.0], [1.0, 5.0]])
    >>> fit_thresholds(outcomes, 4.0)
    Fitted(thresholds=(0.9,), quality=1.0, cost_usd=3.5)
    """
    refuse_gaps(outcomes)
    long = outcomes.confidence.shape[1] > 2
    best: Fitted | None = None
    for start in _starts(outcomes):
        reached = _climbed(outcomes, start, budget_usd, most_cells // LONG_CHAIN if long else most_cells)
        if reached is not None and reached.beats(best):
            best = reached
    if best is None:
        least = least_cost(outcomes)
        raise Infeasible(f"budget {budget_usd:g} USD a prompt: the least that this chain costs is {least:g}")
    return best


def least_cost(outcomes: ChainOutcomes) -> float:
    """Mean cost of the chain that keeps every answer whose confidence is known."""
    return float(sweep(outcomes, np.full((1, outcomes.confidence.shape[1]), -np.inf)).cost_usd[0])


def condensed(outcomes: ChainOutcomes, thresholds: Sequence[float], free: Sequence[int]) -> ChainOutcomes:
    """The shorter chain that remains when all thresholds but those of the stages `free` (rising) are fixed.

    Its stages are: kept at the first free one, at the second, ..., past them all. A prompt that a fixed threshold
    stops before a free stage ends alike from there on, whatever the free thresholds are.
    """
    passes = ~(outcomes.confidence >= np.asarray(thresholds, np.float64))  # (N, L - 1)
    ends = []
    for stop in range(len(free) + 1):
        forced = passes.copy()
        forced[:, list(free[:stop])] = True
        forced[:, list(free[stop : stop + 1])] = False
        ends.append(np.logical_and.accumulate(forced, axis=1).sum(axis=1))
    stage = np.stack(ends, axis=1)  # (N, free + 1)
    return ChainOutcomes(
        outcomes.confidence[:, list(free)],
        np.take_along_axis(outcomes.quality, stage, axis=1),
        np.take_along_axis(outcomes.spent_usd, stage, axis=1),
    )


def _starts(outcomes: ChainOutcomes) -> Iterator[tuple[float, ...]]:
    """Stages switched off (+inf) or kept for good (-inf), and equal shares deferred; one is enough for L <= 3."""
    places = outcomes.confidence.shape[1]
    if places <= 2:
        yield (-np.inf,) * places
        return
    if 2**places <= MOST_PATTERNS:
        yield from product((-np.inf, np.inf), repeat=places)
    else:
        yield from ((np.inf,) * off + (-np.inf,) * (places - off) for off in range(places + 1))
    for share in (0.25, 0.5, 0.75):
        yield tuple(_equal_shares(outcomes, share))


def _equal_shares(outcomes: ChainOutcomes, share: float) -> Iterator[float]:
    """Thresholds that each defer this share of the prompts that reach them."""
    reached = np.ones(len(outcomes), bool)
    for confidence in outcomes.confidence.T:
        known = confidence[reached & ~np.isnan(confidence)]
        threshold = float(np.quantile(known, share, method="lower")) if len(known) else np.inf
        reached &= ~(confidence >= threshold)
        yield threshold


def _climbed(outcomes: ChainOutcomes, start: tuple[float, ...], budget: float, most_cells: int) -> Fitted | None:
    """The best that steps from `start` lead to; None if no step keeps to the budget."""
    reached, thresholds, moves = _at(outcomes, start, budget), start, _moves(len(start))
    if len(start) == 2 and not _is_thinned(outcomes.confidence[:, 0], most_cells):
        moves = moves[:1]  # all pairs are tried at once: there is none to move on to
    for _ in range(MOST_ROUNDS):
        before = reached
        for free in moves:
            step = _step(outcomes, thresholds, free, budget, most_cells)
            if step is not None and step.beats(reached):
                reached, thresholds = step, step.thresholds
        if reached is None or (before is not None and not _gained(reached, before)):
            return reached
        moves = [free for free in moves if len(free) < len(start)]  # with all free, where one stands is no matter
    return reached


def _gained(after: Fitted, before: Fitted) -> bool:
    """More than rounding."""
    return after.quality > before.quality + 1e-12 or after.cost_usd < before.cost_usd * (1 - 1e-12)


def _moves(places: int) -> list[tuple[int, ...]]:
    singles: list[tuple[int, ...]] = [(place,) for place in range(places)]
    return [*combinations(range(places), 2), *singles]


def _at(outcomes: ChainOutcomes, thresholds: tuple[float, ...], budget: float) -> Fitted | None:
    quality, cost = sweep(outcomes, np.array([thresholds], np.float64).reshape(1, -1))
    if best_within(quality, cost, budget) is None:
        return None
    return Fitted(thresholds, float(quality[0]), float(cost[0]))


def _step(
    outcomes: ChainOutcomes, thresholds: tuple[float, ...], free: tuple[int, ...], budget: float, most_cells: int
) -> Fitted | None:
    """The best of the free thresholds, the others as they are; None if all cost too much."""
    rest = condensed(outcomes, thresholds, free)
    found = _best_one(rest, budget) if len(free) == 1 else _best_two(rest, budget, most_cells)
    if found is None:
        return None
    moved = list(thresholds)
    for place, threshold in zip(free, found.thresholds, strict=True):
        moved[place] = threshold
    return Fitted(tuple(moved), found.quality, found.cost_usd)


def _best_one(outcomes: ChainOutcomes, budget: float) -> Fitted | None:
    curve = two_stage_curve(outcomes)
    place = best_within(curve.quality, curve.cost_usd, budget)
    if place is None:
        return None
    return Fitted((float(curve.threshold[place]),), float(curve.quality[place]), float(curve.cost_usd[place]))


def _best_two(outcomes: ChainOutcomes, budget: float, most_cells: int) -> Fitted | None:
    """The best pair of thresholds of three stages: for each first one, all of the second by prefix sums."""
    first, second = _thinned(outcomes.confidence[:, 0], most_cells), breakpoints(outcomes.confidence[:, 1])
    unsure = np.flatnonzero(np.isnan(outcomes.confidence[:, 1]))
    sorted_rows = outcomes.take(np.concatenate([second.order, unsure]))
    best: Fitted | None = None
    width = max(1, CELLS_AT_ONCE // len(outcomes))
    for start in range(0, len(first), width):
        levels = first[start : start + width]
        deferred = ~(sorted_rows.confidence[:, 0] >= levels[:, None])  # (K, N)
        quality, cost = (
            _pair_means(values, deferred, second.deferred, len(second.order))
            for values in (sorted_rows.quality, sorted_rows.spent_usd)
        )
        place = best_within(quality.ravel(), cost.ravel(), budget)
        if place is None:
            continue
        row, column = divmod(place, len(second.threshold))
        pair = (float(levels[row]), float(second.threshold[column]))
        found = Fitted(pair, float(quality[row, column]), float(cost[row, column]))
        best = found if found.beats(best) else best
    return best


def _pair_means(values: Floats, deferred: NDArray[np.bool_], ends: NDArray[np.intp], known: int) -> Floats:
    """Means [K, E] of `values` [N, 3]: K first thresholds that defer `deferred` [K, N], E counts of second deferrals.

    The first `known` rows are sorted by their second confidence, the others do not know it and go on from there.
    """
    kept = values[:, 1].copy()
    kept[known:] = values[known:, 2]
    base = values[:, 0].sum() + deferred @ (kept - values[:, 0])  # (K,)
    added = np.cumsum(deferred[:, :known] * (values[:known, 2] - values[:known, 1]), axis=1)  # (K, known)
    sums = np.concatenate([np.zeros((len(deferred), 1)), added], axis=1)[:, ends]
    return np.asarray((base[:, None] + sums) / len(values), np.float64)


def _is_thinned(confidence: Floats, most_cells: int) -> bool:
    return len(_thinned(confidence, most_cells)) < len(breakpoints(confidence).threshold)


def _thinned(confidence: Floats, most_cells: int) -> Floats:
    """All breakpoints of a confidence [N], or so many quantiles of it as the cells allow for."""
    points = breakpoints(confidence)
    most = max(LEAST_FIRST, most_cells // len(confidence))
    if len(points.threshold) <= most:
        return points.threshold
    ranks = np.linspace(0, len(points.order), most)
    place = np.searchsorted(points.deferred, ranks).clip(max=len(points.threshold) - 1)
    return np.asarray(points.threshold[np.unique(place)], np.float64)
