"""The whole curve of a chain of two models: every threshold that makes a difference, none that does not."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anabranch.training.metrics.deferral import audc
from anabranch.training.metrics.hull import Frontier, ndch
from anabranch.training.replay.chain_replay import ChainOutcomes
from anabranch.training.replay.executor import NotReplayable

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

# Means are rounded sums: a cost this little over a budget, or a quality this little under a floor, keeps to it.
ROUNDING = 1e-10


class Infeasible(ValueError):
    """No setting keeps to the budget, or none reaches the floor."""


class Breakpoints(NamedTuple):
    """Where the share that a threshold defers changes.

    Args:
        order: the rows whose confidence is known, least confident first.
        deferred: int [K] rising, how many of them each threshold defers; equal confidences move together.
        threshold: float64 [K] rising; the least confidence kept, -inf and +inf at the ends.
    """

    order: Places
    deferred: Places
    threshold: Floats


class Mixture(NamedTuple):
    """Two settings of a curve between which a coin decides, once a prompt.

    Args:
        low: place of the cheaper one.
        high: place of the dearer one.
        share: of prompts that get the dearer one.
        quality: mean over prompts.
        cost_usd: mean over prompts.
    """

    low: int
    high: int
    share: float
    quality: float
    cost_usd: float


@dataclass(frozen=True, eq=False)
class TwoStageCurve:
    """Every setting of a two-stage chain that differs from the others: all [K], by rising threshold.

    The first keeps every answer whose confidence is known, the last goes on always. A prompt whose confidence is
    unknown is deferred in all of them; the first model alone is another chain.

    Args:
        threshold: least confidence kept.
        deferred: share of prompts that go on.
        quality: mean over prompts.
        cost_usd: mean over prompts, of all calls made.
    """

    threshold: Floats
    deferred: Floats
    quality: Floats
    cost_usd: Floats

    def within(self, budget_usd: float) -> int:
        """Place of the best setting whose mean cost keeps to a budget; of equals, the cheapest.

        Raises:
            Infeasible: all cost more.
        """
        place = best_within(self.quality, self.cost_usd, budget_usd)
        if place is None:
            raise Infeasible(
                f"budget {budget_usd:g} USD a prompt: the least that this chain costs is {self.cost_usd.min():g}"
            )
        return place

    def reaching(self, floor: float) -> int:
        """Place of the cheapest setting whose mean quality reaches a floor; of equals, the best.

        Raises:
            Infeasible: none does.
        """
        place = best_within(-self.cost_usd, -self.quality, -floor)
        if place is None:
            raise Infeasible(f"quality {floor:g}: the most that this chain reaches is {self.quality.max():g}")
        return place

    def hull(self) -> Frontier:
        """The best that coins between settings reach at each mean cost: concave, flat after its peak."""
        return ndch(self.cost_usd, self.quality)

    def shared(self, budget_usd: float) -> Mixture:
        """The mixture of two settings that is best at a mean cost.

        Raises:
            Infeasible: all settings cost more.
        """
        frontier = self.hull()
        low, share = time_share(frontier, budget_usd)
        cheap, dear = (self._place_of(frontier, min(vertex, len(frontier.cost) - 1)) for vertex in (low, low + 1))
        weights = np.array([1 - share, share])
        quality, cost = (float(weights @ values[[cheap, dear]]) for values in (self.quality, self.cost_usd))
        return Mixture(cheap, dear, share, quality, cost)

    def area(self) -> float:
        """Area under the deferral curve: mean quality over all budgets between its least and its greatest cost."""
        return float(audc(self.cost_usd, self.quality, self.cost_usd.min(), self.cost_usd.max()))

    def _place_of(self, frontier: Frontier, vertex: int) -> int:
        same = (self.cost_usd == frontier.cost[vertex]) & (self.quality == frontier.quality[vertex])
        return int(np.flatnonzero(same)[0])


def two_stage_curve(outcomes: ChainOutcomes) -> TwoStageCurve:
    """The curve of a chain of two models on N prompts, in O(N log N).

    Raises:
        ValueError: the chain is longer or shorter, or a cost is unknown.
        NotReplayable: an answer is not recorded.

    >>> outcomes = ChainOutcomes.of_calls([[0.2], [0.9]], [[0.0, 1.0], [1.0, 1.0]], [[1.0, 5.0], [1.0, 5.0]])
    >>> curve = two_stage_curve(outcomes)
    >>> curve.threshold.tolist(), curve.quality.tolist(), curve.cost_usd.tolist()
    ([-inf, 0.9, inf], [0.5, 1.0, 1.0], [1.0, 3.5, 6.0])
    """
    if outcomes.quality.shape[1] != 2:
        raise ValueError(f"the chain has {outcomes.quality.shape[1]} stages; this curve is of two")
    refuse_gaps(outcomes)
    confidence, count = outcomes.confidence[:, 0], len(outcomes)
    points = breakpoints(confidence)
    unsure = np.isnan(confidence)

    def means(values: Floats) -> Floats:
        kept = np.where(unsure, values[:, 1], values[:, 0]).sum()
        added = _sums((values[:, 1] - values[:, 0])[points.order])[points.deferred]  # (K,)
        return np.asarray((kept + added) / count)

    share = (points.deferred + unsure.sum()) / count
    return TwoStageCurve(points.threshold, share, means(outcomes.quality), means(outcomes.spent_usd))


def breakpoints(confidence: Floats) -> Breakpoints:
    """All thresholds of confidences [N] that defer different rows.

    An infinite confidence reaches every threshold, so nothing defers it.

    >>> breakpoints(np.array([0.5, np.nan, 0.2, 0.5])).threshold.tolist()
    [-inf, 0.5, inf]
    """
    order = np.argsort(confidence, kind="stable")[: np.count_nonzero(~np.isnan(confidence))]  # NaN sorts last
    levels, starts = np.unique(confidence[order], return_index=True)
    thresholds, deferred = np.append(levels, np.inf), np.append(starts, len(order))
    if len(levels) and levels[-1] == np.inf:
        thresholds, deferred = levels, starts
    thresholds[0] = -np.inf
    return Breakpoints(order, deferred, thresholds)


def best_within(quality: Floats, cost: Floats, budget: float) -> int | None:
    """Place of the highest quality at a cost that keeps to the budget, of equals the cheapest; None if none does."""
    kept = np.flatnonzero(cost <= budget + ROUNDING * abs(budget))
    if not len(kept):
        return None
    top = kept[quality[kept] == quality[kept].max()]
    return int(top[cost[top].argmin()])


def time_share(frontier: Frontier, budget: float) -> tuple[int, float]:
    """Vertex below a budget, and the share of the vertex after it that spends the rest; 0 from the peak on.

    Raises:
        Infeasible: the first vertex costs more.

    >>> time_share(Frontier(np.array([1.0, 3.0]), np.array([0.2, 0.6])), 1.5)
    (0, 0.25)
    """
    if frontier.cost[0] > budget + ROUNDING * abs(budget):
        raise Infeasible(f"budget {budget:g} USD a prompt: the least that there is costs {frontier.cost[0]:g}")
    low = max(int(np.searchsorted(frontier.cost, budget, side="right")) - 1, 0)
    if low + 1 == len(frontier.cost):
        return low, 0.0
    start, stop = frontier.cost[low : low + 2]
    return low, max(float((budget - start) / (stop - start)), 0.0)


def refuse_gaps(outcomes: ChainOutcomes) -> None:
    """Fitting tries every stage on every prompt, so all must be known.

    Raises:
        NotReplayable: an answer is not recorded.
        ValueError: a cost is unknown.
    """
    for name, cells, error in (
        ("answer", outcomes.quality, NotReplayable),
        ("cost", outcomes.spent_usd, ValueError),
    ):
        gaps = np.argwhere(np.isnan(cells))
        if len(gaps):
            row, stage = gaps[0]
            raise error(
                f"no {name} of stage {stage + 1} is recorded on prompt {row} ({len(gaps)} gaps in all); "
                "leave out the model or the prompts"
            )


def _sums(values: Floats) -> Floats:
    """Sum of the first k values, for k from 0 to all of them."""
    return np.concatenate([[0.0], np.cumsum(values)])
