"""The learning curve in every view of a report."""

from dataclasses import replace
from math import nan

import orjson
import pytest

from anabranch.training.report.contents import Interval, LearningCurve, LearningRow, Report
from anabranch.training.report.json_view import to_json
from anabranch.training.report.vega import chart_specs
from anabranch.training.report.vega_learning import BEST, BEST_SINGLE, CALIBRATED
from tests.training.report.conftest import around
from tests.training.report.test_console import lines, printed
from tests.training.report.test_html import read
from tests.training.report.test_vega import rows, scale

BECAUSE = "More labels would probably help. The last doubling, from 50 to 100 prompts, gained +0.100."


def grown(report: Report) -> Report:
    """With a curve of two sizes, the smaller one drawn twice."""
    cost = None if report.cost_unit == "none" else Interval(0.01, nan, nan)
    half = LearningRow(0.5, 50, (0.5, 0.75), around(0.625), cost, around(0.1), around(0.7))
    whole = LearningRow(1.0, 1100, (0.8,), around(0.8), cost, around(0.2), around(0.85))
    found = LearningCurve((half, whole), around(0.6), 30, "yes", BECAUSE, around(0.1), around(0.15), ("a note",))
    return replace(report, learning=found)


def test_a_report_without_one_has_no_place_for_it(priced: Report) -> None:
    assert "learning" not in chart_specs(priced)
    assert "Would more labels help?" not in read(priced).text
    assert orjson.loads(to_json(priced))["learning"] is None


def test_the_page_says_it_and_shows_the_figures(priced: Report, unpriced: Report) -> None:
    page = read(grown(priced))
    assert "Would more labels help?" in page.text and BECAUSE in page.text and "Mind: a note." in page.text
    assert "used 30 more prompts" in page.text
    assert ("div", "learning") in [(tag, attributes.get("id")) for tag, attributes in page.tags]
    assert "1,100 0.800 [0.780, 0.820] 10.0 +0.200 [+0.180, +0.220] 0.850 [0.830, 0.870] 1" in page.text
    assert "1,100 0.800 [0.780, 0.820] +0.200 [+0.180, +0.220]" in read(grown(unpriced)).text


def test_the_chart_has_two_curves_a_line_and_the_draws(priced: Report) -> None:
    """Bars stand a little beside their size; the line of the best single model spans the axis."""
    spec = chart_specs(grown(priced))["learning"]
    assert scale(spec, "color")["domain"] == [CALIBRATED, BEST, BEST_SINGLE]
    drawn = rows(spec)
    points = {(one["series"], one["prompts"], one["quality"]) for one in drawn if "prompts" in one}
    assert points == {(CALIBRATED, 50, 0.625), (BEST, 50, 0.7), (CALIBRATED, 1100, 0.8), (BEST, 1100, 0.85)}
    ticks = sorted(one["quality"] for one in drawn if "prompts" not in one and one["series"] == CALIBRATED)
    assert ticks == [0.5, 0.75]
    low, high = scale(spec, "x")["domain"]
    single = [one for one in drawn if one["series"] == BEST_SINGLE]
    assert [(one["at"], one["quality"]) for one in single] == [(low, 0.6), (high, 0.6)]
    assert low < 50 * 0.98 and high > 1100 * 1.02


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_the_terminal_has_room_for_it(priced: Report, unpriced: Report, width: int) -> None:
    for report in (grown(priced), grown(unpriced)):
        assert max(len(line) for line in printed(report, width).splitlines()) <= width
        assert "Every size used 30 more prompts to choose its trade-off." in lines(report, width)


def test_the_terminal_shows_a_row_a_size(priced: Report, unpriced: Report) -> None:
    assert "1,100 0.800 [0.780, 0.820] 10.0 +0.200 [+0.180, +0.220] 0.850 [0.830, 0.870]" in lines(grown(priced), 120)
    assert "50 0.625 0.100 0.700" in lines(grown(unpriced), 80)
    assert "best single 0.600 [0.580, 0.620]" in lines(grown(priced), 120)
    assert "Mind: a note." in lines(grown(priced), 120)
