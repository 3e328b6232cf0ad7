"""Models that write together, as people read of them."""

import io
from dataclasses import replace
from math import nan

import pytest
from rich.console import Console

from anabranch.training.report.console import render
from anabranch.training.report.contents import FusionResult, Interval, Report
from anabranch.training.report.cost_quality import cost_quality, ranking
from anabranch.training.report.html import to_html
from anabranch.training.report.main_rows import main_rows
from anabranch.training.report.verdict_card import answer
from tests.training.report.conftest import LARGE, SMALL, around, row, verdict

NAME = "gac(small, large)"


@pytest.fixture
def fused(priced: Report) -> Report:
    """Better than both of its models, and dearer than either."""
    found = FusionResult(
        row=row(NAME, "fusion", 0.85, 0.03),
        verdict=verdict("fuse", 0.05, 0.02),
        members=(row(SMALL, "single", 0.6, 0.001), row(LARGE, "single", 0.8, 0.02)),
        best_member=LARGE,
        over_best_member=around(0.05),
        prompt_tokens=Interval(45.0, 44.0, 46.0),
        computed_tokens=Interval(8.0, 7.0, 9.0),
        tokens_per_s=200.0,
        prompts_per_s=25.0,
        priced="its cost is an estimate and no bill",
    )
    return replace(priced, fusion=found)


def printed(report: Report) -> str:
    console = Console(file=io.StringIO(), width=120)
    render(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_its_line_stands_with_the_routers(fused: Report) -> None:
    assert [one.name for one in main_rows(fused)[0]] == ["knn", "mlp", NAME]


def test_the_terminal_says_what_it_gains_takes_and_costs(fused: Report) -> None:
    shown = printed(fused)
    for sentence in (
        f"{NAME}  fuse",
        "alone, large has quality 0.800 [0.780, 0.820], 20.0 USD/1,000",
        "+0.050 [+0.030, +0.070] quality over large, the best of its models",
        "read 45.0 [44.0, 46.0] tokens a prompt and computed 8.0 [7.0, 9.0] an answer",
        "200 tokens/s computed and 25.0 prompts/s answered on this machine, loading included",
        "its cost is an estimate and no bill",
    ):
        assert sentence in shown


def test_what_is_not_known_is_said(fused: Report) -> None:
    assert fused.fusion is not None
    unknown = replace(fused.fusion, members=(), best_member="", tokens_per_s=nan, prompts_per_s=nan)
    shown = printed(replace(fused, fusion=unknown))
    assert "none of its models has recorded answers here" in shown
    assert "its speed was not measured" in shown or "their speed was not measured" in shown


def test_the_chart_has_its_point_and_no_curve(fused: Report) -> None:
    chart = cost_quality(fused)
    assert chart.calibrated[NAME].at == (30.0, 0.85)
    assert chart.curves[NAME] == (chart.calibrated[NAME],)
    assert ranking(replace(fused, cost_unit="none"))[1].name == NAME  # behind the oracle


def test_the_page_has_its_card_and_its_section(fused: Report) -> None:
    page = to_html(fused)
    assert f"<h2>{NAME}</h2>" in page and "Writing together pays" in page
    assert "Alone, large has quality 0.800" in page


def test_alone_it_answers_the_question(fused: Report) -> None:
    tone, sentence = answer(replace(fused, routers=()))
    assert tone == "yes" and sentence.startswith(f"No router was evaluated. {NAME}: fuse. Writing together pays")
