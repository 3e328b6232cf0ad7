"""What every router is measured on and against."""

from dataclasses import dataclass

import numpy as np

from anabranch.data.outcomes import Outcomes
from anabranch.training.baselines import best_single, cheapest_single, frontier_arms
from anabranch.training.metrics.curve import Curve, arms_curve, bootstrap_curve
from anabranch.training.metrics.oracle import headroom_recovered, oracle_choice
from anabranch.training.paired import Floats, Paired
from anabranch.training.report.contents import CostUnit, Row
from anabranch.training.verdict import Bar, Mix


@dataclass(frozen=True, eq=False)
class Ground:
    """What every router is measured on and against.

    Args:
        table: n prompts, A arms.
        unit: of cost.
        cost: [n, A] in that unit; None without costs.
        paired: the draws.
        best: the best single arm, chosen on train.
        cheapest: the cheapest single arm, chosen on train; None without costs.
        arms: every single arm's mean quality and cost in every bootstrap row, [1 + R, A].
        bar: what the verdict compares with; its mix was chosen on train.
        oracle: the oracle as a curve of one point, [1 + R, 1].
    """

    table: Outcomes
    unit: CostUnit
    cost: Floats | None
    paired: Paired
    best: int
    cheapest: int | None
    arms: Curve
    bar: Bar
    oracle: Curve

    def row_of(self, name: str, kind: str, quality: Floats, cost: Floats | None, coverage: float = 1.0) -> Row:
        """The line of mean quality and cost in every bootstrap row, [1 + R]."""
        single = self.arms.quality[:, self.best]
        return Row(
            name=name,
            kind=kind,
            quality=self.paired.interval(quality),
            cost=None if cost is None else self.paired.interval(cost),
            gain=self.paired.interval(quality - single),
            headroom=self.paired.interval(headroom_recovered(quality, single, self.oracle.quality[:, 0])),
            coverage=coverage,
        )

    def baselines(self) -> tuple[Row, ...]:
        """Each single arm, the best single (chosen on train), the cheapest, the random mix, and the oracle."""
        rows = [self._single(arm, "single", column) for column, arm in enumerate(self.table.arms)]
        rows.append(self._single(f"best single: {self.table.arms[self.best]}", "baseline", self.best))
        if self.cheapest is not None:
            rows.append(self._single(f"cheapest: {self.table.arms[self.cheapest]}", "baseline", self.cheapest))
        cost = None if self.arms.cost_usd is None else self.arms.cost_usd.mean(axis=1)
        rows.append(self.row_of("random mix", "baseline", self.arms.quality.mean(axis=1), cost))
        rows.append(self.row_of("oracle", "baseline", self.oracle.quality[:, 0], _column(self.oracle, 0)))
        return tuple(rows)

    def _single(self, name: str, kind: str, arm: int) -> Row:
        coverage = float(self.arms.coverage[0, arm])
        return self.row_of(name, kind, self.arms.quality[:, arm], _column(self.arms, arm), coverage)


def lay_ground(test: Outcomes, train: Outcomes, paired: Paired) -> Ground:
    """Measure the single arms on `test`; which of them is best, and which mix well, is chosen on `train`.

    Args:
        test: n prompts, A arms.
        train: prompts of the same arms.
        paired: draws over the n prompts.
    """
    best = best_single(train)
    unit, cost = _cost_axis(test, best)
    arms = arms_curve(test.quality, cost, paired.counts)
    mix = None
    train_unit, train_cost = _cost_axis(train, best)
    if train_cost is not None and arms.cost_usd is not None and train_unit == unit:
        vertices = list(frontier_arms(train.quality, train_cost))
        mix = Mix(arms.cost_usd[:, vertices], arms.quality[:, vertices])
    best_choice = oracle_choice(test.quality, cost)[:, None]
    oracle = bootstrap_curve(paired.counts, test.quality, cost, best_choice)
    spent = float(np.nansum(train.cost_usd)) if train.has_cost else float("nan")
    bar = Bar(mix, arms.quality[:, best], unit == "usd", spent)
    return Ground(test, unit, cost, paired, best, cheapest_single(train), arms, bar, oracle)


def _column(curve: Curve, column: int) -> Floats | None:
    return None if curve.cost_usd is None else curve.cost_usd[:, column]


def _cost_axis(table: Outcomes, best: int) -> tuple[CostUnit, Floats | None]:
    """USD where known; for two arms without costs a call of the better one costs 1; else nothing."""
    if table.has_cost:
        return "usd", table.cost_usd.astype(np.float64)
    if len(table.arms) == 2:
        return "strong_share", np.tile(np.arange(2) == best, (len(table), 1)).astype(np.float64)
    return "none", None
