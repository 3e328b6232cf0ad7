"""Is escalation worth it? What all chains of two models reach, against single models and coins between them.

Bouchard 2026, arXiv 2605.06350, known to us from its abstract: the frontier of two-model chains is the pointwise
envelope of the curves of all pairs, with points where the best pair switches; at the best thresholds of a chain, the
quality gained for the last dollar is the same at every stage. The details are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing
from anabranch.training.metrics.hull import Frontier, ndch
from anabranch.training.replay.chain_fit import condensed
from anabranch.training.replay.chain_replay import ChainOutcomes, recorded_calls
from anabranch.training.replay.two_stage import TwoStageCurve, refuse_gaps, time_share, two_stage_curve

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pair:
    """A cheaper model, and the dearer one that it escalates to.

    Args:
        models: their numbers.
        curve: all thresholds of their chain.
        break_even: the share of answers that the cheaper model must keep for the chain to cost no more than the dearer
            model alone: the ratio of their costs where these are the same on all prompts. NaN if no threshold does it.
    """

    models: tuple[int, int]
    curve: TwoStageCurve
    break_even: float


class Switch(NamedTuple):
    """From this mean cost on, these models are the best pair.

    Args:
        cost_usd: mean over prompts.
        models: the pair.
    """

    cost_usd: float
    models: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Envelope:
    """The best of several chains at each mean cost: all [K], cost and quality strictly rising.

    Args:
        cost_usd: mean over prompts.
        quality: mean over prompts.
        chain: the chain that reaches it.
    """

    cost_usd: Floats
    quality: Floats
    chain: tuple[ThresholdChain, ...]

    def __call__(self, budget_usd: ArrayLike) -> Floats:
        """Best quality within each budget, without coins; NaN where all cost more."""
        place = np.searchsorted(self.cost_usd, np.asarray(budget_usd, np.float64), side="right")
        return np.asarray(np.append(np.nan, self.quality)[place], np.float64)

    def switches(self) -> tuple[Switch, ...]:
        """Where the best pair becomes another one, the first pair included."""
        pairs = [(one.models[0], one.models[-1]) for one in self.chain]
        return tuple(
            Switch(float(self.cost_usd[place]), pair)
            for place, pair in enumerate(pairs)
            if not place or pair != pairs[place - 1]
        )


@dataclass(frozen=True, eq=False)
class SharedFit:
    """A policy, and the means that it reaches on the prompts it was fitted on, in expectation over its coin.

    Args:
        policy: a coin between two chains, or one chain.
        quality: mean over prompts.
        cost_usd: mean over prompts.
    """

    policy: TimeSharing | ThresholdChain
    quality: float
    cost_usd: float


@dataclass(frozen=True, eq=False)
class Escalation:
    """What chains of two models reach on N prompts, and single models.

    Args:
        pairs: all pairs of M models, the one of lower mean cost first.
        envelope: of the pairs.
        singles: of the models alone.
        hull: the best that coins between pairs and models reach at each mean cost.
        singles_hull: the same of the models alone.
    """

    pairs: tuple[Pair, ...]
    envelope: Envelope
    singles: Envelope
    hull: Frontier
    singles_hull: Frontier

    def gain(self, budget_usd: ArrayLike) -> Floats:
        """Quality that escalation adds at each budget to coins between single models; at least 0, NaN if unaffordable.

        Thresholds are the best of many on the prompts of the fit: look at other prompts before believing it.
        """
        return np.asarray(self.hull(budget_usd) - self.singles_hull(budget_usd))

    def fit(self, budget_usd: float) -> SharedFit:
        """The policy on the hull at a mean cost.

        Raises:
            Infeasible: the cheapest model costs more.
        """
        low, share = time_share(self.hull, budget_usd)
        ends = [low] if share == 0 else [low, low + 1]
        chains = [self._chain_at(vertex) for vertex in ends]
        weights = [1.0] if share == 0 else [1 - share, share]
        policy = chains[0] if share == 0 else TimeSharing(chains[0], chains[1], share)
        return SharedFit(
            policy, float(np.dot(weights, self.hull.quality[ends])), float(np.dot(weights, self.hull.cost[ends]))
        )

    def _chain_at(self, vertex: int) -> ThresholdChain:
        """A model alone rather than a pair, where both are there."""
        cost, quality = self.hull.cost[vertex], self.hull.quality[vertex]
        found = (
            each.chain[int(np.flatnonzero((each.cost_usd == cost) & (each.quality == quality))[0])]
            for each in (self.singles, self.envelope)
            if ((each.cost_usd == cost) & (each.quality == quality)).any()
        )
        return next(found)


def escalation(table: ReplayTable, signal: str, *, models: Sequence[int] | None = None, seed: int = 0) -> Escalation:
    """All pairs of models, their exact curves and what is best of them.

    Args:
        table: N prompts with an answer of each model.
        signal: the name of the confidence.
        models: two or more numbers to choose from; all if None.
        seed: of the draws among samples, as in `replay`.

    Raises:
        NotReplayable: an answer is not recorded.
        ValueError: the signal, or a cost, is not known; or there are fewer than two models.
    """
    pool = tuple(range(len(table.models))) if models is None else tuple(models)
    if len(pool) < 2:
        raise ValueError(f"{len(pool)} models make no pair; give at least two")
    calls = recorded_calls(table, pool, signal, seed)
    refuse_gaps(calls.chain(range(len(pool))))
    cost, quality = calls.cost_usd.mean(axis=0), calls.quality.mean(axis=0)
    rising = [int(place) for place in np.argsort(cost, kind="stable")]
    curves = {(low, high): two_stage_curve(calls.chain((low, high))) for low, high in combinations(rising, 2)}
    pairs = tuple(
        Pair((pool[low], pool[high]), curve, _break_even(curve, cost[high])) for (low, high), curve in curves.items()
    )
    envelope, singles = _pair_envelope(pairs, signal), _single_envelope(pool, cost, quality, signal)
    both = [np.concatenate(each) for each in zip(_points(singles), _points(envelope), strict=True)]
    return Escalation(pairs, envelope, singles, ndch(*both), ndch(*_points(singles)))


def shadow_prices(outcomes: ChainOutcomes, thresholds: Sequence[float], *, share: float = 0.1) -> Floats:
    """Quality gained for a dollar by deferring a little more, at each stage of a chain; [L - 1].

    Of the prompts that reach a stage, those with the nearest confidences on both sides of the threshold are deferred
    (to where the later thresholds lead them) or not: their mean difference in quality, over that in cost. At the best
    thresholds under a budget all are equal; a stage with a higher price should defer more, one with a lower price less.

    Args:
        outcomes: N prompts, L stages.
        thresholds: L - 1 floats.
        share: of the prompts that reach a stage, that are looked at, half on each side of the threshold.

    Returns:
        NaN where a threshold keeps or defers all that reach it, and where deferring costs nothing.
    """
    return np.array([_price(outcomes, thresholds, place, share) for place in range(len(thresholds))], np.float64)


def _price(outcomes: ChainOutcomes, thresholds: Sequence[float], place: int, share: float) -> float:
    levels = np.asarray(thresholds, np.float64)
    reached = ~(outcomes.confidence[:, :place] >= levels[:place]).any(axis=1)
    step = condensed(outcomes, thresholds, (place,))
    rows = np.flatnonzero(reached & ~np.isnan(step.confidence[:, 0]))
    rows = rows[np.argsort(step.confidence[rows, 0], kind="stable")]
    deferred = int(np.count_nonzero(step.confidence[rows, 0] < levels[place]))
    if deferred in (0, len(rows)):
        return float("nan")
    half = min(max(round(share * len(rows) / 2), 1), deferred, len(rows) - deferred)
    near = rows[deferred - half : deferred + half]
    gained, added = (np.diff(values[near], axis=1).sum() for values in (step.quality, step.spent_usd))
    return float(gained / added) if added > 0 else float("nan")


def _break_even(curve: TwoStageCurve, dearer_usd: float) -> float:
    """The share kept at which the chain costs as much as the dearer model; a coin between neighbouring thresholds."""
    return float(1 - np.interp(dearer_usd, curve.cost_usd, curve.deferred, left=np.nan))


def _pair_envelope(pairs: Sequence[Pair], signal: str) -> Envelope:
    curves = [pair.curve for pair in pairs]
    which = np.repeat(np.arange(len(pairs)), [len(curve.threshold) for curve in curves])
    cost, quality, threshold = (
        np.concatenate([getattr(curve, name) for curve in curves]) for name in ("cost_usd", "quality", "threshold")
    )
    best = _rising(cost, quality)
    chains = tuple(ThresholdChain(pairs[which[place]].models, (float(threshold[place]),), signal) for place in best)
    return Envelope(cost[best], quality[best], chains)


def _single_envelope(pool: Sequence[int], cost: Floats, quality: Floats, signal: str) -> Envelope:
    best = _rising(cost, quality)
    return Envelope(cost[best], quality[best], tuple(ThresholdChain((pool[place],), (), signal) for place in best))


def _rising(cost: Floats, quality: Floats) -> NDArray[np.intp]:
    """Places of the points that are better than all that cost no more, cheapest first."""
    order = np.lexsort((-quality, cost))
    highest = np.maximum.accumulate(quality[order])
    return np.asarray(order[np.append(True, highest[1:] > highest[:-1])], np.intp)


def _points(envelope: Envelope) -> tuple[Floats, Floats]:
    return envelope.cost_usd, envelope.quality
