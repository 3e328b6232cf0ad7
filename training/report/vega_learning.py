"""The interactive learning curve."""

from typing import Any

import altair as alt

from anabranch.training.report.contents import LearningCurve
from anabranch.training.report.notation import interval
from anabranch.training.report.palette import ARM_COLOUR, ROUTER_COLOURS

CALIBRATED, BEST = "at the calibrated trade-off", "at trade-off 1"
BEST_SINGLE = "best single model"

_ASIDE = {CALIBRATED: 0.98, BEST: 1.02}  # of the size, so that bars stand beside each other
_END = 1.1


def learning_chart(found: LearningCurve) -> alt.LayerChart:
    """Mean quality against labelled prompts, with intervals, every draw, and the best single model as a line."""
    colours = alt.Scale(
        domain=[CALIBRATED, BEST, BEST_SINGLE], range=[ROUTER_COLOURS[0], ROUTER_COLOURS[1], ARM_COLOUR]
    )
    sizes = [row.prompts for row in found.rows]
    x = alt.X(
        "at:Q",
        title="labelled train prompts (logarithmic)",
        scale=alt.Scale(type="log", domain=[min(sizes) / _END, max(sizes) * _END], nice=False),
        axis=alt.Axis(values=sizes, format=","),
    )
    colour = alt.Color("series:N", scale=colours, title=None)
    y = alt.Y("quality:Q", title="mean quality", scale=alt.Scale(zero=False))
    base = alt.Chart({"values": _cells(found)}).encode(x=x, color=colour)
    draws = alt.Chart({"values": _draws(found)}).encode(x=x, y=y, color=colour)
    layers = [
        _best_single(found, min(sizes), max(sizes)).encode(x=x, y=y, color=colour),
        base.mark_rule(strokeWidth=2, opacity=0.6).encode(y=alt.Y("low:Q", scale=alt.Scale(zero=False)), y2="high:Q"),
        base.mark_line(strokeWidth=2).encode(y=y),
        draws.mark_tick(orient="horizontal", size=12, thickness=2, opacity=0.7),
        base.mark_point(filled=True, opacity=1, size=80).encode(
            y=y,
            tooltip=[
                alt.Tooltip("series:N", title="router"),
                alt.Tooltip("prompts:Q", title="prompts", format=","),
                alt.Tooltip("text:N", title="quality"),
            ],
        ),
    ]
    return alt.LayerChart(layer=layers)


def _cells(found: LearningCurve) -> list[dict[str, Any]]:
    return [
        {
            "series": series,
            "at": row.prompts * _ASIDE[series],
            "prompts": row.prompts,
            "quality": figure.value,
            "low": figure.low,
            "high": figure.high,
            "text": interval(figure),
        }
        for row in found.rows
        for series, figure in ((CALIBRATED, row.quality), (BEST, row.at_1))
    ]


def _draws(found: LearningCurve) -> list[dict[str, Any]]:
    """Sizes that were drawn several times, a tick a draw."""
    several = [row for row in found.rows if len(row.draws) > 1]
    return [
        {"series": CALIBRATED, "at": row.prompts * _ASIDE[CALIBRATED], "quality": quality}
        for row in several
        for quality in row.draws
    ]


def _best_single(found: LearningCurve, fewest: int, most: int) -> alt.Chart:
    level = {"series": BEST_SINGLE, "quality": found.best_single.value}
    chart = alt.Chart({"values": [level | {"at": end} for end in (fewest / _END, most * _END)]})
    drawn: alt.Chart = chart.mark_line(strokeDash=[6, 4], strokeWidth=1.5)
    return drawn
