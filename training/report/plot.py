"""The picture of a report: cost against quality, or qualities alone where costs are not known."""

import math
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from anabranch.training.report.contents import Interval, Report
from anabranch.training.report.cost_quality import CostQuality, Point, cost_quality, ranking
from anabranch.training.report.label_places import Place
from anabranch.training.report.names import titled
from anabranch.training.report.notation import cost_title, percent
from anabranch.training.report.palette import ARM_COLOUR, MIX, MIX_COLOUR, ORACLE_COLOUR, look

_DPI = 150
_INCHES = (10.0, 6.2)
_LABEL_POINTS = 8.5  # font size
_GAP_POINTS = 6.0
_ROW_INCHES = 0.26
_ACROSS = {1: "left", 0: "center", -1: "right"}  # side of the label that is held, by where it lies
_ALONG = {1: "bottom", 0: "center", -1: "top"}
_HALO = (withStroke(linewidth=2.5, foreground="white"),)


def save_png(report: Report, path: Path) -> None:
    """Draw a report to a PNG of 1,500 pixels' width."""
    report = titled(report)
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
    axes.plot(cost, quality, "--", color=MIX_COLOUR, linewidth=1.6, label=MIX, zorder=2)


def _router(axes: Axes, chart: CostQuality, name: str, index: int) -> None:
    seen, curve = look(index), chart.curves[name]
    cost = [point.cost.value for point in curve]
    stroke = (0, seen.dash) if seen.dash else "-"
    marks: dict[str, Any] = {"marker": seen.marker, "markersize": 9, "markeredgecolor": "white", "color": seen.colour}
    axes.plot(
        cost, [point.quality.value for point in curve], color=seen.colour, linestyle=stroke, linewidth=1.8, zorder=4
    )
    axes.plot([], [], linestyle=stroke, linewidth=1.8, label=_plain(name), **marks)
    low, high = ([getattr(point.quality, end) for point in curve] for end in ("low", "high"))
    shade = min(0.12, 0.4 / len(chart.curves))
    axes.fill_between(cost, low, high, color=seen.colour, alpha=shade, linewidth=0, zorder=1)
    if name in chart.calibrated:
        at = chart.calibrated[name]
        bars: dict[str, Any] = {
            "xerr": _whiskers(at.cost),
            "yerr": _whiskers(at.quality),
            "elinewidth": 1.2,
            "capsize": 3,
        }
        axes.errorbar(at.cost.value, at.quality.value, linestyle="none", zorder=6, **bars, **marks)


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
    zoom = _DPI / axes.figure.dpi  # pixels of the saved picture
    size = axes.bbox.width * zoom, axes.bbox.height * zoom
    places = chart.label_places(*size, _LABEL_POINTS * _DPI / 72, _GAP_POINTS * _DPI / 72)
    for point, place in zip(chart.arms, places, strict=True):
        if place is not None:
            _label(axes, point, place)


def _label(axes: Axes, point: Point, place: Place) -> None:
    axes.annotate(
        _plain(point.name),
        (point.cost.value, point.quality.value),
        xytext=(0 if place.y else _GAP_POINTS * place.x, _GAP_POINTS * place.y),
        textcoords="offset points",
        ha=_ACROSS[place.x],
        va=_ALONG[place.y],
        fontsize=_LABEL_POINTS,
        color="#3c4248",
        path_effects=_HALO,
        zorder=7,
    )


def _ranking_figure(report: Report) -> Figure:
    rows = ranking(report)[::-1]
    figure = Figure(figsize=(_INCHES[0], 1.5 + _ROW_INCHES * max(len(rows), 8)), layout="constrained")
    axes = figure.add_subplot()
    routers = [one.row.name for one in report.routers]
    for place, row in enumerate(rows):
        seen = look(routers.index(row.name)) if row.compared else None
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
    axes.set_yticks(range(len(rows)), [_plain(row.name) for row in rows])
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set_fontweight("bold" if row.compared else "normal")
    axes.set_xlabel("mean quality")
    _dress(axes, report)
    return figure


def _whiskers(figure: Interval) -> list[list[float]] | None:
    if not (math.isfinite(figure.low) and math.isfinite(figure.high)):
        return None
    return [[max(figure.value - figure.low, 0.0)], [max(figure.high - figure.value, 0.0)]]


def _plain(text: str) -> str:
    """A dollar sign that is a dollar sign, not the start of a formula."""
    return text.replace("$", r"\$")


def _dress(axes: Axes, report: Report) -> None:
    what = f"{report.labels}, {report.split}: {report.prompts:,} prompts"
    axes.set_title(f"{_plain(what)}; bars and bands are {percent(report.level)} intervals", loc="left", fontsize=12)
    axes.grid(color="#e3e6ea", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
