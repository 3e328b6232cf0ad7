"""The interactive cost-quality chart."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from anabranch.training.report.contents import CostUnit, Interval, Report
from anabranch.training.report.cost_quality import Axis, CostQuality, Point, cost_quality
from anabranch.training.report.label_places import Box, Place, label_places
from anabranch.training.report.notation import cost_title, interval, number, percent_interval, significant_interval
from anabranch.training.report.palette import ARM_COLOUR, MIX, MIX_COLOUR, ORACLE_COLOUR, Look, look

Cell = dict[str, Any]

ARMS = "single models"

_PIXELS = (1000, 460)  # assumed where labels are placed; the chart is as wide as the page allows
_NARROW = 640  # pixels, below which labels would cover each other
_FONT, _CHARACTER, _GAP = 11.0, 0.56, 9.0
_ACROSS = {1: "left", 0: "center", -1: "right"}  # side of the label that is held, by where it lies
_ALONG = {1: "bottom", 0: "middle", -1: "top"}
_POINTS = [(math.pi * k / 5, 0.5 if k % 2 else 1.2) for k in range(10)]
_STAR = f"M{'L'.join(f'{r * math.sin(a):.3f},{-r * math.cos(a):.3f}' for a, r in _POINTS)}Z"


def cost_quality_chart(report: Report) -> alt.LayerChart:
    """Quality against cost: drag to pan, pinch to zoom, click the legend to highlight."""
    chart, unit = cost_quality(report), report.cost_unit
    pick = alt.selection_point(fields=["series"], bind="legend", name="pick")
    view = alt.selection_interval(bind="scales", zoom="wheel![event.ctrlKey]", name="view")
    x = _across("cost", chart, unit)
    y, low = (alt.Y(f"{end}:Q", title="mean quality", scale=_scale(chart.y)) for end in ("quality", "low"))
    colour, shape, dash = _styles(chart)
    order, seen, known = alt.Order("step:Q"), _faded(pick, 1.0), _tooltip(unit)
    routers = _chart([_cell(name, *at, unit) for name, points in chart.curves.items() for at in enumerate(points)])
    mix = _chart([{"series": MIX, "step": step, "cost": c, "quality": q} for step, (c, q) in enumerate(chart.mix)])
    calibrated = [_cell(name, 190, point, unit) for name, point in chart.calibrated.items()]
    plain = [_cell(ARMS, 70, point, unit) for point in chart.arms]
    plain += [_cell(point.name, 170, point, unit) for point in chart.references]
    shade = min(0.12, 0.4 / max(len(chart.curves), 1))
    line, rule = {"clip": True, "strokeWidth": 2}, {"clip": True, "strokeWidth": 1.5}
    dot = {"clip": True, "filled": True, "stroke": "var(--paper)", "strokeWidth": 1}
    layers = [
        routers.mark_area(clip=True).encode(x, low, alt.Y2("high:Q"), colour, order, _faded(pick, shade)),
        mix.mark_line(**line).encode(x, y, colour, order, dash, seen),
        routers.mark_line(**line).encode(x, y, colour, order, dash, seen),
        routers.mark_circle(clip=True, size=120, opacity=0).encode(x, y, tooltip=known),
        _chart(calibrated).mark_rule(**rule).encode(x, low, alt.Y2("high:Q"), colour, seen),
        _chart(calibrated).mark_rule(**rule).encode(_across("cheap", chart, unit), y, alt.X2("dear:Q"), colour, seen),
        _chart(plain + calibrated).mark_point(**dot).encode(
            x, y, colour, shape, alt.Size("step:Q", scale=None), seen, tooltip=known
        ),
        *(text.encode(x, y, opacity=_roomy()) for text in _labels(chart)),
    ]
    return alt.layer(*layers).add_params(pick, view)
