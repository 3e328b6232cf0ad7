"""The interactive charts of the page, as Vega-Lite specifications by the id of the element that shows them.

Colours of text and lines are CSS variables of the page, so that the charts follow its light, dark and print styles.
"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from anabranch.training.report.contents import Report, RouterResult
from anabranch.training.report.cost_quality import ranking
from anabranch.training.report.names import titled
from anabranch.training.report.notation import interval, number
from anabranch.training.report.palette import ARM_COLOUR, look
from anabranch.training.report.vega_curve import cost_quality_chart
from anabranch.training.report.vega_learning import learning_chart

_HEIGHT = 460  # pixels
_CALIBRATION_HEIGHT = 340
_LEARNING_HEIGHT = 340
_ROW = 26
_INK, _FAINT, _LINE = "var(--ink)", "var(--faint)", "var(--line)"


def chart_specs(report: Report) -> dict[str, dict[str, Any]]:
    """What to draw: `chart`, `calibration` if a router's estimates are calibrated, and `learning` if it was asked."""
    report = titled(report)
    if report.cost_unit == "none":
        specs = {"chart": _finished(_ranking_chart(report), _ROW * len(ranking(report)))}
    else:
        specs = {"chart": _finished(cost_quality_chart(report), _HEIGHT)}
    if any(one.bins for one in report.routers):
        specs["calibration"] = _finished(_calibration_chart(report.routers), _CALIBRATION_HEIGHT)
    if report.learning is not None:
        specs["learning"] = _finished(learning_chart(report.learning), _LEARNING_HEIGHT)
    return specs


def _ranking_chart(report: Report) -> alt.LayerChart:
    """Every quality with its interval, highest first."""
    rows = ranking(report)
    routers = [one.row.name for one in report.routers]
    colours = [look(routers.index(row.name)).colour if row.compared else ARM_COLOUR for row in rows]
    cells = [
        {
            "name": row.name,
            "quality": row.quality.value,
            "low": row.quality.low,
            "high": row.quality.high,
            "text": interval(row.quality),
        }
        for row in rows
    ]
    base = alt.Chart({"values": cells}).encode(
        y=alt.Y("name:N", sort=None, title=None),
        color=alt.Color("name:N", scale=alt.Scale(domain=[row.name for row in rows], range=colours), legend=None),
        tooltip=[alt.Tooltip("name:N"), alt.Tooltip("text:N", title="quality")],
    )
    x = alt.X("low:Q", title="mean quality", scale=alt.Scale(zero=False))
    points = base.mark_point(filled=True, opacity=1, size=90).encode(x="quality:Q")
    return alt.LayerChart(layer=[base.mark_rule(strokeWidth=2).encode(x=x, x2="high:Q"), points])


def _calibration_chart(routers: Sequence[RouterResult]) -> alt.LayerChart:
    """Mean outcome against mean estimate; estimates that can be taken at their word lie on the diagonal."""
    cells = [
        {
            "router": one.row.name,
            "estimated": bar.predicted,
            "observed": bar.observed,
            "count": bar.count,
            "text": f"{number(bar.predicted)} estimated, {number(bar.observed)} observed",
        }
        for one in routers
        for bar in one.bins
    ]
    looks = {one.row.name: look(index) for index, one in enumerate(routers) if one.bins}
    colours = alt.Scale(domain=list(looks), range=[seen.colour for seen in looks.values()])
    pick = alt.selection_point(fields=["router"], bind="legend", name="calibration_pick")
    unit = alt.Scale(domain=[0, 1])
    base = alt.Chart({"values": cells}).encode(
        x=alt.X("estimated:Q", scale=unit, title="estimated quality"),
        y=alt.Y("observed:Q", scale=unit, title="observed quality"),
        color=alt.Color("router:N", scale=colours, title=None),
        opacity=alt.condition(pick, alt.value(1.0), alt.value(0.1)),
        tooltip=["router:N", alt.Tooltip("text:N", title="quality"), alt.Tooltip("count:Q", title="answers")],
    )
    diagonal = alt.Chart({"values": [{"at": 0, "to": 0}, {"at": 1, "to": 1}]}).mark_line(
        color=_FAINT, strokeDash=[5, 4], strokeWidth=1.5
    )
    layers = [
        diagonal.encode(x=alt.X("at:Q", scale=unit), y=alt.Y("to:Q", scale=unit)),
        base.mark_line(strokeWidth=1.5).add_params(pick),
        base.mark_point(filled=True).encode(size=alt.Size("count:Q", scale=alt.Scale(range=[20, 160]), legend=None)),
    ]
    return alt.LayerChart(layer=layers)


def _finished(chart: alt.LayerChart, height: int) -> dict[str, Any]:
    styled = chart.properties(width="container", height=height, background="transparent").configure(
        font="system-ui, sans-serif",
        axis=alt.AxisConfig(
            labelColor=_INK,
            titleColor=_INK,
            gridColor=_LINE,
            domainColor=_FAINT,
            tickColor=_FAINT,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            labelLimit=260,
            tickCount=10,
        ),
        legend=alt.LegendConfig(
            labelColor=_INK, labelFontSize=13, symbolSize=110, symbolOpacity=1, labelLimit=260, orient="bottom"
        ),
        view=alt.ViewConfig(stroke=None),
    )
    spec: dict[str, Any] = styled.to_dict()
    del spec["$schema"]  # an address; the page names no other
    return spec
