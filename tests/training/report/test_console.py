from dataclasses import replace
from io import StringIO
from math import nan

import pytest
from rich.console import Console

from anabranch.training.report.console import render, renderable
from anabranch.training.report.contents import Interval, Report


def printed(report: Report, width: int, colour: bool = False) -> str:
    out = StringIO()
    render(report, Console(file=out, width=width, force_terminal=colour, color_system="standard" if colour else None))
    return out.getvalue()


def lines(report: Report, width: int) -> list[str]:
    return [" ".join(line.split()) for line in printed(report, width).splitlines()]


def test_at_120_columns_every_figure_has_its_interval(priced: Report) -> None:
    found = lines(priced, 120)
    assert "knn 0.790 [0.770, 0.810] 10.0 -0.010 [-0.030, +0.010] -10 %" in found
    assert "best single: large 0.800 [0.780, 0.820] 20.0 +0.000 [-0.020, +0.020] 0 %" in found
    assert "small 0.600 [0.580, 0.620] 1.00 -0.200 [-0.220, -0.180] -200 %" in found
    assert "saves 1.50 USD per 1,000 requests against the mix of the same quality" in found
    assert "has paid for its labels after 12,345 requests" in found
    assert "AIQ 0.770 [0.750, 0.790], of the mix 0.740" in found
    assert "Mind: 2.5% of the quality cells are unknown and count for nothing." in found


def test_at_80_columns_gains_lose_their_intervals_and_nothing_is_cut(priced: Report) -> None:
    assert "knn 0.790 [0.770, 0.810] 10.0 -0.010 -10 %" in lines(priced, 80)
    assert "…" not in printed(priced, 80)


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_the_terminal(priced: Report, pair: Report, unpriced: Report, width: int) -> None:
    for report in (priced, pair, unpriced):
        assert max(len(line) for line in printed(report, width).splitlines()) <= width


def test_families_and_agreements_are_listed_for_pairs(pair: Report) -> None:
    """CPT 80 % is never reached by family all: a dash."""
    found = lines(pair, 120)
    assert "all 500 0.600 0.800 0.650 [0.630, 0.670] 1.200 30 % [20, 40] –" in found
    assert "knn 0.750 [0.730, 0.770] 60.0 % -0.050 [-0.070, -0.030] -50 %" in found
    alike = "knn.onnx decides like knn on 99.8 % of the prompts; beyond ties (0.0001): 1;"
    assert any(line.startswith(alike) for line in found)


def test_at_80_columns_families_keep_their_last_column(pair: Report) -> None:
    assert "law 77 0.500 0.700 0.610 [0.590, 0.630] 1.100 25 % 60 %" in lines(pair, 80)


def test_without_costs_there_is_no_such_column(unpriced: Report) -> None:
    text = printed(unpriced, 120)
    assert "USD" not in text and "AIQ" not in text
    assert "knn 0.790 [0.770, 0.810] -0.010 [-0.030, +0.010] -10 %" in lines(unpriced, 120)


@pytest.mark.parametrize("soft_wrap", [False, True])
def test_a_long_reason_is_wrapped_and_never_cut(priced: Report, soft_wrap: bool) -> None:
    first = priced.routers[0]
    reason = " ".join(f"word{i}" for i in range(40))
    long = replace(first, verdict=replace(first.verdict, because=reason))
    out = StringIO()
    Console(file=out, width=60).print(renderable(replace(priced, routers=(long,))), soft_wrap=soft_wrap)
    assert reason in " ".join(out.getvalue().split())


def test_verdicts_have_their_colours(priced: Report) -> None:
    """ANSI: bold green is 1;32, bold red 1;31."""
    text = printed(priced, 120, colour=True)
    assert "\x1b[1;32mroute" in text
    assert "\x1b[1;31mdo not route" in text


def test_names_are_printed_not_interpreted(priced: Report) -> None:
    first = priced.routers[0]
    named = replace(first, row=replace(first.row, name="[red]k:smile:[/red]"))
    assert "[red]k:smile:[/red]" in printed(replace(priced, routers=(named,)), 120)


def test_coverage_is_shown_once_a_cell_is_missing(priced: Report) -> None:
    first = priced.routers[0]
    assert "known" not in printed(priced, 120).split("knn")[0]
    partly = replace(priced, routers=(replace(first, row=replace(first.row, coverage=0.975)),))
    assert "knn 0.790 [0.770, 0.810] 10.0 -0.010 [-0.030, +0.010] -10 % 97.5 %" in lines(partly, 120)


def test_nothing_reads_nan(priced: Report, pair: Report, unpriced: Report) -> None:
    for report in (priced, pair, unpriced):
        assert "nan" not in printed(report, 100)


def test_a_cascade_is_seen_to_be_one(cascaded: Report) -> None:
    found = lines(cascaded, 120)
    assert "frugal (cascade) 0.830 [0.810, 0.850] 12.0 +0.030 [+0.010, +0.050] 30 %" in found
    assert "unpriced (cascade) 0.830 [0.810, 0.850] – +0.030 [+0.010, +0.050] 30 %" in found
    assert "1.48 calls a prompt; answered by: 50 % small, 48 % large, 2.0 % nobody" in found
    assert "half of the answers take at most 1.50 s, 95 % at most 2.50 s" in found


def test_a_cascade_of_unknown_latency_says_nothing_of_it(cascaded: Report) -> None:
    first = cascaded.routers[1]
    assert first.calls is not None
    calls = replace(first.calls, latency_p50_s=nan, abstained=Interval(0.0, 0.0, 0.0))
    text = printed(replace(cascaded, routers=(replace(first, calls=calls),)), 120)
    assert "at most" not in text and "nobody" not in text
