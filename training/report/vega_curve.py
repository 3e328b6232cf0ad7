"""The interactive cost-quality chart."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from anabranch.training.report.contents import CostUnit, Interval, Report
from anabranch.training.report.cost_quality import Axis, CostQuality, Point, cost_quality
from anabranch.training.report.notation import cost_title, interval, number, significant_interval
from anabranch.training.report.palette import ARM_COLOUR, MIX, MIX_COLOUR, ORACLE_COLOUR, Look, look

ARMS = "single models"

_PIXELS = (1000, 460)  # assumed where labels are placed; the chart is as wide as the page allows
_NARROW = 640  # pixels, below which labels would cover each other
_FONT, _GAP = 11.0, 9.0
_ROUND = "indexof([1, 2, 5], +slice(format(datum.value, '.0e'), 0, 1)) >= 0"  # ticks of a logarithmic axis to name
_ACROSS: dict[int, Literal["left", "center", "right"]] = {1: "left", 0: "center", -1: "right"}  # side that is held
_ALONG: dict[int, Literal["bottom", "middle", "top"]] = {1: "bottom", 0: "middle", -1: "top"}
_POINTS = [(math.pi * k / 5, 0.5 if k % 2 else 1.2) for k in range(10)]
_STAR = f"M{'L'.join(f'{r * math.sin(a):.3f},{-r * math.cos(a):.3f}' for a, r in _POINTS)}Z"


@dataclass(frozen=True)
class _Channels:
    """What the layers of the chart share."""

    x: alt.X
    cheap: alt.X
    y: alt.Y
    low: alt.Y
    colour: alt.Color
    shape: alt.Shape
    dash: alt.StrokeDash
    pick: alt.Parameter

    def seen(self, opacity: float = 1.0) -> alt.Opacity:
        """An opacity that nearly vanishes while the legend picks another series."""
        return alt.Opacity(condition={"param": self.pick.name, "value": opacity}, value=opacity / 12)


def cost_quality_chart(report: Report) -> alt.LayerChart:
    """Quality against cost: drag to pan, pinch to zoom, click the legend to highlight."""
    chart = cost_quality(report)
    pick = alt.selection_point(fields=["series"], bind="legend", name="pick")
    view = alt.selection_interval(bind="scales", zoom="wheel![event.ctrlKey]", name="view")
    channels = _channels(chart, report.cost_unit, pick)
    bands, *curves = _curve_layers(chart, report.cost_unit, channels)
    layers = [
        bands.add_params(pick, view),
        *curves,
        *_mark_layers(chart, report.cost_unit, channels),
        *_label_layers(chart, channels),
    ]
    return alt.LayerChart(layer=layers)


def _curve_layers(chart: CostQuality, unit: CostUnit, on: _Channels) -> list[alt.Chart]:
    """Bands and curves of the routers, what the pointer finds along them, and the mix."""
    points = [(name, step, at) for name, curve in chart.curves.items() for step, at in enumerate(curve)]
    routers = _chart([{"step": step, **_cell(name, at, unit)} for name, step, at in points])
    mix = _chart([{"series": MIX, "step": step, "cost": c, "quality": q} for step, (c, q) in enumerate(chart.mix)])
    order, shade = alt.Order("step:Q"), min(0.12, 0.4 / max(len(chart.curves), 1))
    return [
        routers.mark_area(clip=True).encode(on.x, on.low, alt.Y2("high:Q"), on.colour, on.seen(shade)),
        mix.mark_line(clip=True, strokeWidth=2).encode(on.x, on.y, on.colour, order, on.dash, on.seen()),
        routers.mark_line(clip=True, strokeWidth=2).encode(on.x, on.y, on.colour, order, on.dash, on.seen()),
        routers.mark_circle(clip=True, size=120, opacity=0).encode(on.x, on.y, tooltip=_tooltip(unit)),
    ]


def _mark_layers(chart: CostQuality, unit: CostUnit, on: _Channels) -> list[alt.Chart]:
    """Single models, references, and the calibrated routers with their intervals."""
    calibrated = [{"size": 190, **_cell(name, point, unit)} for name, point in chart.calibrated.items()]
    arms = [{"size": 70, **_cell(ARMS, point, unit)} for point in chart.arms]
    references = [{"size": 170, **_cell(point.name, point, unit)} for point in chart.references]
    whiskers = _chart(calibrated).mark_rule(clip=True, strokeWidth=1.5)
    marks = _chart([*arms, *references, *calibrated]).mark_point(
        clip=True, filled=True, stroke="var(--paper)", strokeWidth=1
    )
    size = alt.Size("size:Q", scale=None)
    return [
        whiskers.encode(on.x, on.low, alt.Y2("high:Q"), on.colour, on.seen()),
        whiskers.encode(on.cheap, on.y, alt.X2("dear:Q"), on.colour, on.seen()),
        marks.encode(on.x, on.y, on.colour, on.shape, size, on.seen(), tooltip=_tooltip(unit)),
    ]


def _label_layers(chart: CostQuality, on: _Channels) -> list[alt.Chart]:
    """The names of the single models, a layer for each side that labels are on."""
    places = chart.label_places(*_PIXELS, _FONT, _GAP)
    roomy = alt.OpacityValue(alt.ExprRef(f"width < {_NARROW} ? 0 : 1"))
    layers = []
    for place in sorted({place for place in places if place}):
        here = [point for point, its in zip(chart.arms, places, strict=True) if its == place]
        text = _chart([{"name": p.name, "cost": p.cost.value, "quality": p.quality.value} for p in here]).mark_text(
            clip=True,
            align=_ACROSS[place.x],
            baseline=_ALONG[place.y],
            dx=0 if place.y else _GAP * place.x,
            dy=-_GAP * place.y,
            fontSize=_FONT,
            color="var(--ink)",
        )
        layers.append(text.encode(on.x, on.y, roomy, text="name:N"))
    return layers


def _channels(chart: CostQuality, unit: CostUnit, pick: alt.Parameter) -> _Channels:
    styles = {name: look(index) for index, name in enumerate(chart.curves)}
    styles[MIX] = Look(MIX_COLOUR, "", "stroke", (5, 4))
    styles[ARMS] = Look(ARM_COLOUR, "", "circle", ())
    kinds = {"oracle": Look(ORACLE_COLOUR, "", _STAR, ()), "random mix": Look(ARM_COLOUR, "", "cross", ())}
    styles |= {point.name: kinds[point.name] for point in chart.references}

    def scale(values: Sequence[Any]) -> alt.Scale:
        return alt.Scale(domain=list(styles), range=list(values))

    legend = alt.Legend(title=None, columns=alt.ExprRef(f"width < {_NARROW} ? 2 : 6"))
    return _Channels(
        x=_across("cost", chart.x, unit),
        cheap=_across("cheap", chart.x, unit),
        y=alt.Y("quality:Q", title="mean quality", scale=_scale(chart.y)),
        low=alt.Y("low:Q", title="mean quality", scale=_scale(chart.y)),
        colour=alt.Color("series:N", scale=scale([one.colour for one in styles.values()]), legend=legend),
        shape=alt.Shape("series:N", scale=scale([one.shape for one in styles.values()]), legend=legend),
        dash=alt.StrokeDash("series:N", scale=scale([one.dash or (1, 0) for one in styles.values()]), legend=legend),
        pick=pick,
    )


def _across(field: str, axis: Axis, unit: CostUnit) -> alt.X:
    title = f"{cost_title(unit)}{' (logarithmic)' if axis.log else ''}"
    label = "format(datum.value, '~r')"
    if unit != "usd":
        label = "datum.value < 0 || datum.value > 100 ? '' : datum.label + ' %'"
    elif axis.log:
        label = f"{_ROUND} ? {label} : ''"
    return alt.X(f"{field}:Q", title=title, scale=_scale(axis), axis=alt.Axis(labelExpr=label, labelOverlap="greedy"))


def _scale(axis: Axis) -> alt.Scale:
    return alt.Scale(type="log" if axis.log else "linear", domain=[axis.low, axis.high], nice=False)


def _cell(series: str, point: Point, unit: CostUnit) -> dict[str, Any]:
    """A point as a row of the chart's data; an interval that is not known has no width."""
    low, high = _ends(point.quality)
    cheap, dear = _ends(point.cost)
    return {
        "series": series,
        "name": point.name,
        "cost": point.cost.value,
        "cheap": cheap,
        "dear": dear,
        "quality": point.quality.value,
        "low": low,
        "high": high,
        "quality_text": interval(point.quality),
        "cost_text": significant_interval(point.cost) + ("" if unit == "usd" else " %"),
        "tradeoff_text": number(point.tradeoff),
    }


def _ends(figure: Interval) -> tuple[float, float]:
    known = math.isfinite(figure.low) and math.isfinite(figure.high)
    return (figure.low, figure.high) if known else (figure.value, figure.value)


def _tooltip(unit: CostUnit) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("name:N"),
        alt.Tooltip("tradeoff_text:N", title="trade-off"),
        alt.Tooltip("quality_text:N", title="quality"),
        alt.Tooltip("cost_text:N", title=cost_title(unit)),
    ]


def _chart(rows: Sequence[dict[str, Any]]) -> alt.Chart:
    return alt.Chart({"values": list(rows)})
