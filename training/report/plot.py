"""The picture of a report: cost against quality, or qualities alone where costs are not known."""

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from anabranch.training.report.contents import Interval, Report
from anabranch.training.report.cost_quality import CostQuality, Point, cost_quality, ranking
from anabranch.training.report.label_places import Box, label_places
from anabranch.training.report.notation import cost_title, percent
from anabranch.training.report.palette import ARM_COLOUR, MIX_COLOUR, ORACLE_COLOUR, look

_DPI = 150
_INCHES = (10.0, 6.2)
_LABEL_POINTS = 8.5  # font size
_CHARACTER = 0.56  # mean width of a character, of the font size
_ROW_INCHES = 0.26
_OFFSETS = {
    "right": ((7, 0), "left", "center"),
    "left": ((-7, 0), "right", "center"),
    "above": ((0, 6), "center", "bottom"),
    "below": ((0, -6), "center", "top"),
}


def save_png(report: Report, path: Path) -> None:
    """Draw a report to a PNG of 1,500 pixels' width."""
    figure = _ranking_figure(report) if report.cost_unit == "none" else _cost_quality_figure(report)
    figure.savefig(path, dpi=_DPI, format="png", facecolor="white")


def _cost_quality_figure(report: Report) -> Figure:
    chart = cost_quality(report)
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes = figure.add_subplot()
    _scales(axes, chart, report)
    _mix(axes, chart)
    for index, name in enumerate(chart.curves):
        _router(axes, chart, name, index)
    _references(axes, chart)
    figure.draw_without_rendering()  # labels are placed in pixels, which are known once the layout is
    _arms(axes, chart)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=4, frameon=False, fontsize=9)
    _dress(axes, report)
    return figure


def _scales(axes: Axes, chart: CostQuality, report: Report) -> None:
    axes.set_xlim(chart.x.low, chart.x.high)
    axes.set_ylim(chart.y.low, chart.y.high)
    axes.set_ylabel("mean quality")
    axes.set_xlabel(f"{cost_title(report.cost_unit)}{' (logarithmic)' if chart.x.log else ''}")
    if chart.x.log:
        axes.set_xscale("log")
        axes.set_xlim(chart.x.low, chart.x.high)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if report.cost_unit == "usd":
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value / 100)))


def _mix(axes: Axes, chart: CostQuality) -> None:
    cost, quality = [c for c, _ in chart.mix], [q for _, q in chart.mix]
    axes.plot(cost, quality, "--", color=MIX_COLOUR, linewidth=1.6, label="best mix of single models", zorder=2)


def _router(axes: Axes, chart: CostQuality, name: str, index: int) -> None:
    seen, curve = look(index), chart.curves[name]
    cost = [point.cost.value for point in curve]
    axes.plot(cost, [point.quality.value for point in curve], color=seen.colour, linewidth=1.8, zorder=4)
    low, high = ([getattr(point.quality, end) for point in curve] for end in ("low", "high"))
    axes.fill_between(cost, low, high, color=seen.colour, alpha=0.10, linewidth=0, zorder=1)
    if name in chart.calibrated:
        at = chart.calibrated[name]
        axes.errorbar(
            at.cost.value,
            at.quality.value,
            xerr=_whiskers(at.cost),
            yerr=_whiskers(at.quality),
            fmt=seen.marker,
            color=seen.colour,
            markeredgecolor="white",
            markersize=9,
            elinewidth=1.2,
            capsize=3,
            label=name,
            zorder=6,
        )


def _references(axes: Axes, chart: CostQuality) -> None:
    styles = {"oracle": ("*", 15, ORACLE_COLOUR), "random mix": ("X", 9, ARM_COLOUR)}
    for point in chart.references:
        marker, size, colour = styles[point.name]
        axes.plot(
            point.cost.value,
            point.quality.value,
            marker,
            markersize=size,
            color=colour,
            markeredgecolor="white",
            label=point.name,
            zorder=5,
        )


def _arms(axes: Axes, chart: CostQuality) -> None:
    """Dots, each labelled where there is room."""
    points = [(point.cost.value, point.quality.value) for point in chart.arms]
    axes.plot([c for c, _ in points], [q for _, q in points], "o", color=ARM_COLOUR, markersize=6, zorder=5)
    height = _LABEL_POINTS * _DPI / 72
    widths = [len(point.name) * height * _CHARACTER for point in chart.arms]
    taken = [*chart.references, *chart.calibrated.values()]
    places = label_places(_pixels(axes, chart.arms), widths, height, _canvas(axes), _pixels(axes, taken))
    for point, place in zip(chart.arms, places, strict=True):
        if place is not None:
            offset, across, along = _OFFSETS[place]
            axes.annotate(
                point.name,
                (point.cost.value, point.quality.value),
                xytext=offset,
                textcoords="offset points",
                ha=across,
                va=along,
                fontsize=_LABEL_POINTS,
                color="#3c4248",
                zorder=7,
            )


def _pixels(axes: Axes, points: Sequence[Point]) -> list[tuple[float, float]]:
    """Where points lie, in pixels of the saved picture."""
    zoom = _DPI / axes.figure.dpi
    where = (axes.transData.transform((point.cost.value, point.quality.value)) for point in points)
    return [(float(x) * zoom, float(y) * zoom) for x, y in where]


def _canvas(axes: Axes) -> Box:
    zoom = _DPI / axes.figure.dpi
    return Box(*(float(side) * zoom for side in axes.bbox.extents))


def _ranking_figure(report: Report) -> Figure:
    rows = ranking(report)[::-1]
    figure = Figure(figsize=(_INCHES[0], 1.5 + _ROW_INCHES * max(len(rows), 8)), layout="constrained")
    axes = figure.add_subplot()
    routers = [one.row.name for one in report.routers]
    for place, row in enumerate(rows):
        seen = look(routers.index(row.name)) if row.kind == "router" else None
        axes.errorbar(
            row.quality.value,
            place,
            xerr=_whiskers(row.quality),
            fmt=seen.marker if seen else "o",
            color=seen.colour if seen else ARM_COLOUR,
            markersize=8 if seen else 6,
            elinewidth=1.4,
            capsize=3,
        )
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.kind == "router" else "normal")
    axes.set_xlabel("mean quality")
    _dress(axes, report)
    return figure


def _whiskers(figure: Interval) -> list[list[float]] | None:
    if not (math.isfinite(figure.low) and math.isfinite(figure.high)):
        return None
    return [[max(figure.value - figure.low, 0.0)], [max(figure.high - figure.value, 0.0)]]


def _dress(axes: Axes, report: Report) -> None:
    axes.set_title(
        f"{report.labels}, {report.split}: {report.prompts:,} prompts, {percent(report.level)} intervals",
        loc="left",
        fontsize=12,
    )
    axes.grid(color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
