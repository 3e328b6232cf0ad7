"""A board's own lines: what routers are compared with, each with its interval."""

import numpy as np

from anabranch.training.ground import Ground
from anabranch.training.metrics.curve import Curve, curve_metrics
from anabranch.training.metrics.pair import oracle_apgr
from anabranch.training.paired import Floats
from anabranch.training.report.contents import Interval, Row
from benchmarks.leaderboard.measure import zero_aiq
from benchmarks.leaderboard.sheets import Line


def baseline_lines(ground: Ground) -> tuple[Line, ...]:
    """Every single model, the best, the cheapest, the random mix, the zero router and the oracle.

    The zero router, the best mix of single models as chosen on the training prompts, stands at its dearest end.
    """
    rows = list(ground.baselines())
    mix = ground.bar.mix
    if mix is not None:
        rows.insert(-1, ground.row_of("zero", "baseline", mix.quality[:, -1], mix.cost[:, -1]))
    return tuple(_line(row, ground) for row in rows)


def _line(row: Row, ground: Ground) -> Line:
    aiq = _aiq(row, ground) if row.kind == "baseline" and ground.unit == "usd" else None
    apgr = None
    if ground.unit == "strong_share":
        quality = ground.table.quality
        perfect = oracle_apgr(quality[:, 1 - ground.best], quality[:, ground.best])
        apgr = {"random mix": 0.5, "zero": 0.5, "oracle": perfect}.get(row.name)
    return Line(row.name, row.kind, row.quality, row.cost, row.gain, row.headroom, aiq, apgr)


def _aiq(row: Row, ground: Ground) -> Interval | None:
    """The area under a coin between the cheapest model and this one; the oracle has a curve of its own, not drawn."""
    zero = zero_aiq(ground)
    if row.name == "zero" and zero is not None:
        return ground.paired.interval(zero)
    points = {"best single": ground.best, "cheapest": ground.cheapest}
    arm = points.get(row.name.partition(":")[0])
    if arm is None:
        return None
    return ground.paired.interval(curve_metrics(_point(ground, arm), ground.arms, best=ground.best).aiq)


def _point(ground: Ground, arm: int) -> Curve:
    cost = ground.arms.cost_usd
    assert cost is not None  # the unit is USD

    def column(values: Floats) -> Floats:
        return np.asarray(values[:, [arm]])

    return Curve(column(ground.arms.quality), column(cost), column(ground.arms.coverage))
