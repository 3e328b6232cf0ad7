"""The cost-quality chart as data: what the picture and the page both draw."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from anabranch.training.report.contents import Interval, Report, Row
from anabranch.training.report.names import short_names
from anabranch.training.report.notation import REQUESTS

LOG_SPAN = 10.0  # dearest over cheapest, beyond which a linear axis hides the cheap models
_STEPS = 40  # a mix is straight in cost, so on a logarithmic axis each of its segments is a curve
_ROOM = 0.06  # of the axis, at each end


@dataclass(frozen=True)
class Point:
    """A mark of the chart.

    Args:
        name: what it is labelled.
        cost: in the axis's unit.
        quality: mean quality.
        tradeoff: of the knob, NaN for what has none.
    """

    name: str
    cost: Interval
    quality: Interval
    tradeoff: float = math.nan


@dataclass(frozen=True)
class Axis:
    """An axis.

    Args:
        low: its start.
        high: its end.
        log: whether it is logarithmic.
    """

    low: float
    high: float
    log: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value lies, 0 to 1.

        >>> Axis(1.0, 100.0, log=True).share(10.0)
        0.5
        """
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)


@dataclass(frozen=True)
class CostQuality:
    """The marks of the chart; costs in USD per 1,000 requests, or in per cent of the calls.

    Args:
        arms: the single arms with a known cost, the best one first.
        references: the random mix and the oracle.
        mix: the best mix of single arms, (cost, quality) from cheap to dear.
        curves: each router along its knob, by name.
        calibrated: each router at its calibrated trade-off, by name.
        x: the cost axis.
        y: the quality axis.
    """

    arms: tuple[Point, ...]
    references: tuple[Point, ...]
    mix: tuple[tuple[float, float], ...]
    curves: dict[str, tuple[Point, ...]]
    calibrated: dict[str, Point]
    x: Axis
    y: Axis


def cost_quality(report: Report) -> CostQuality:
    """Lay out the chart of a report.

    Raises:
        ValueError: the report knows no costs.
    """
    if report.cost_unit == "none":
        raise ValueError("the report's cost_unit is none; a cost-quality chart needs costs, draw `ranking` instead")
    scale = REQUESTS if report.cost_unit == "usd" else 100
    short = short_names(report.arms)
    marks = {row.name: _mark(row, scale) for row in report.baselines}
    singles = [row.name for row in report.baselines if row.kind == "single"]
    singles.sort(key=report.best_single.__ne__)
    arms = tuple(replace(marks[name], name=short.get(name, name)) for name in singles if _drawable(marks[name]))
    references = tuple(marks[name] for name in ("random mix", "oracle") if name in marks and _drawable(marks[name]))
    curves = {
        one.row.name: tuple(
            Point(one.row.name, _scaled(point.cost, scale), point.quality, point.tradeoff) for point in one.curve
        )
        for one in report.routers
    }
    curves = {name: tuple(filter(_drawable, points)) for name, points in curves.items()}
    calibrated = {one.row.name: replace(_mark(one.row, scale), tradeoff=one.tradeoff) for one in report.routers}
    calibrated = {name: point for name, point in calibrated.items() if _drawable(point)}
    drawn = [*arms, *references, *calibrated.values(), *(point for points in curves.values() for point in points)]
    x = _axis([point.cost.value for point in drawn], log_allowed=report.cost_unit == "usd")
    ends = [v for p in drawn for v in (p.quality.value, p.quality.low, p.quality.high) if math.isfinite(v)]
    mix = _mixed([(c * scale, q) for c, q in report.frontier])
    return CostQuality(arms, references, mix, curves, calibrated, x, _axis(ends, log_allowed=False))


def ranking(report: Report) -> tuple[Row, ...]:
    """Single arms, random mix, oracle and routers, highest quality first: what is drawn where costs are not known."""
    rows = [row for row in report.baselines if row.kind == "single" or row.name in ("random mix", "oracle")]
    short = short_names(report.arms)
    known = [row for row in [*rows, *(one.row for one in report.routers)] if math.isfinite(row.quality.value)]
    return tuple(replace(row, name=short.get(row.name, row.name)) for row in sorted(known, key=_quality, reverse=True))


def _quality(row: Row) -> float:
    return row.quality.value


def _mark(row: Row, scale: float) -> Point:
    return Point(row.name, _scaled(row.cost, scale), row.quality)


def _scaled(cost: Interval | None, scale: float) -> Interval:
    if cost is None:
        return Interval(math.nan, math.nan, math.nan)
    return Interval(cost.value * scale, cost.low * scale, cost.high * scale)


def _drawable(point: Point) -> bool:
    return math.isfinite(point.cost.value) and math.isfinite(point.quality.value)


def _axis(values: Sequence[float], log_allowed: bool) -> Axis:
    """An axis that holds all values with some room at both ends."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if log_allowed and low > 0 and high > LOG_SPAN * low:
        room = (high / low) ** _ROOM
        return Axis(low / room, high * room, log=True)
    room = _ROOM * (high - low) or 0.05 * (abs(high) or 1.0)
    return Axis(low - room, high + room)


def _mixed(vertices: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Points along the best mix at most this dear; a dearer vertex that is no better here is never mixed in."""
    points: list[tuple[float, float]] = list(vertices[:1])
    for (c0, _), (c1, q1) in pairwise(vertices):
        q0 = points[-1][1]
        top = max(q0, q1)
        steps = (step / _STEPS for step in range(1, _STEPS + 1))
        points += [(c0 + s * (c1 - c0), q0 + s * (top - q0)) for s in steps]
    return tuple(points)
