"""The cost-quality chart as data: what the picture and the page both draw."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from anabranch.training.report.contents import Interval, Report, RouterResult, Row
from anabranch.training.report.label_places import Box, Place, label_places
from anabranch.training.report.names import short_names
from anabranch.training.report.notation import REQUESTS

LOG_SPAN = 10.0  # dearest over cheapest, beyond which a linear axis hides the cheap models
REFERENCES = ("random mix", "oracle")
_STEPS = 40  # a mix is straight in cost, so on a logarithmic axis each of its segments is a curve
_CHARACTER = 0.56  # mean width of a character, of the font size
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

    @property
    def at(self) -> tuple[float, float]:
        """Mean cost and mean quality."""
        return self.cost.value, self.quality.value


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
        curves: each router and cascade along its knob, by name, and a fusion, which has none; those of known cost.
        calibrated: each of them at its calibrated trade-off, by name.
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

    def label_places(self, width: float, height: float, font: float, gap: float) -> tuple[Place | None, ...]:
        """Where to write the arms' names on an area of that many pixels, in a font of that many."""

        def pixels(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
            return [(width * self.x.share(cost), height * self.y.share(quality)) for cost, quality in points]

        lines = (point.at for points in self.curves.values() for point in points)
        return label_places(
            pixels(point.at for point in self.arms),
            [len(point.name) * font * _CHARACTER for point in self.arms],
            height=font,
            gap=gap,
            canvas=Box(0, 0, width, height),
            taken=pixels(point.at for point in (*self.references, *self.calibrated.values())),
            lines=pixels((*self.mix, *lines)),
        )


def cost_quality(report: Report) -> CostQuality:
    """Lay out the chart of a report.

    Raises:
        ValueError: the report knows no costs.
    """
    if report.cost_unit == "none":
        raise ValueError("the report's cost_unit is none; a cost-quality chart needs costs, draw `ranking` instead")
    scale = REQUESTS if report.cost_unit == "usd" else 100
    short = short_names(report.arms)
    singles = sorted(
        (row for row in report.baselines if row.kind == "single"), key=lambda r: r.name != report.best_single
    )
    others = [row for row in report.baselines if row.kind == "baseline" and row.name in REFERENCES]
    arms = _known(_mark(replace(row, name=short.get(row.name, row.name)), scale) for row in singles)
    references = _known(_mark(row, scale) for row in others)
    known = ((one.row.name, _known(_curve(one, scale))) for one in report.routers)
    fused = _known(_mark(row, scale) for row in _fused(report))  # one point, which no knob moves
    curves = {name: points for name, points in known if points} | {point.name: (point,) for point in fused}
    marked = (replace(_mark(one.row, scale), tradeoff=one.tradeoff) for one in report.routers)
    calibrated = (*_known(marked), *fused)
    ranged = [*calibrated, *(point for points in curves.values() for point in points)]
    return CostQuality(
        arms=arms,
        references=references,
        mix=_mixed([(c * scale, q) for c, q in report.frontier]),
        curves=curves,
        calibrated={point.name: point for point in calibrated},
        x=_axis([p.cost.value for p in (*arms, *references, *ranged)], log_allowed=report.cost_unit == "usd"),
        y=_axis([p.quality.value for p in (*arms, *references)] + _ends(ranged), log_allowed=False),
    )


def ranking(report: Report) -> tuple[Row, ...]:
    """Single arms, random mix, oracle, routers and a fusion, best first: what is drawn where costs are not known."""
    rows = [row for row in report.baselines if row.kind == "single" or row.name in REFERENCES]
    short = short_names(report.arms)
    known = [
        row
        for row in [*rows, *(one.row for one in report.routers), *_fused(report)]
        if math.isfinite(row.quality.value)
    ]
    return tuple(replace(row, name=short.get(row.name, row.name)) for row in sorted(known, key=_quality, reverse=True))


def _fused(report: Report) -> tuple[Row, ...]:
    return () if report.fusion is None else (report.fusion.row,)


def _quality(row: Row) -> float:
    return row.quality.value


def _mark(row: Row, scale: float) -> Point:
    return Point(row.name, _scaled(row.cost, scale), row.quality)


def _curve(result: RouterResult, scale: float) -> Iterator[Point]:
    for point in result.curve:
        yield Point(result.row.name, _scaled(point.cost, scale), point.quality, point.tradeoff)


def _scaled(cost: Interval | None, scale: float) -> Interval:
    if cost is None:
        return Interval(math.nan, math.nan, math.nan)
    return Interval(cost.value * scale, cost.low * scale, cost.high * scale)


def _known(points: Iterable[Point]) -> tuple[Point, ...]:
    return tuple(point for point in points if math.isfinite(point.cost.value) and math.isfinite(point.quality.value))


def _ends(points: Iterable[Point]) -> list[float]:
    ends = (end for p in points for end in (p.quality.value, p.quality.low, p.quality.high))
    return [end for end in ends if math.isfinite(end)]


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
