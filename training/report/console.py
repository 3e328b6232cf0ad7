"""A report for the terminal."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from anabranch.training.report import notation
from anabranch.training.report.contents import (
    Agreement,
    Calls,
    CostUnit,
    LearningCurve,
    PairRow,
    Report,
    RouterResult,
    Row,
    Verdict,
)
from anabranch.training.report.fusion_findings import fusion_findings
from anabranch.training.report.main_rows import main_rows, partly_covered
from anabranch.training.report.names import short_names, titled

WIDE = 100  # columns, from which all intervals have room

_INDENT = "  "
_STYLES = {"router": "bold", "cascade": "bold", "fusion": "bold", "single": "dim", "baseline": ""}
_GOOD, _BAD, _UNSURE = "bold green", "bold red", "bold yellow"
_WORDS = {
    "route": _GOOD,
    "fuse": _GOOD,
    "do not route": _BAD,
    "do not fuse": _BAD,
    "not enough data": _UNSURE,
}


def render(report: Report, console: Console) -> None:
    """Print a report."""
    console.print(renderable(report))


def renderable(report: Report) -> RenderableType:
    """A report to print; names and sentences are printed as they are, never read as markup."""
    return _View(report)


@dataclass(frozen=True)
class _View:
    """A report that fits itself to the width it is given."""

    report: Report

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        report, wide = titled(self.report), options.max_width >= WIDE
        yield _heading(report)
        yield _main_table(report, wide)
        for result in report.routers:
            yield from _judged(result.row, result.verdict, _findings(report, result), console, options)
            if result.pairs:
                yield _pair_table(result.pairs, wide)
            yield Text()
        if report.fusion is not None:
            fused = report.fusion
            yield from _judged(fused.row, fused.verdict, fusion_findings(report, fused), console, options)
            yield Text()
        yield from (Text(_agreement(agreement, report.cost_unit)) for agreement in report.agreements)
        if report.learning is not None:
            yield _learning_table(report.learning, report.cost_unit, wide)
            yield Text()
            yield Text(report.learning.because)
            yield Text(f"Every size used {report.learning.validation:,} more prompts to choose its trade-off.")
            yield from (Text(f"Mind: {note}.", style="dim") for note in report.learning.notes)
            yield Text()
        yield from (Text(f"Mind: {note}.", style="dim") for note in report.notes)


def _judged(
    row: Row, verdict: Verdict, findings: Iterable[str], console: Console, options: ConsoleOptions
) -> Iterator[Text]:
    """A name, the word on it, and what was found, indented."""
    yield Text.assemble((row.name, "bold"), "  ", (verdict.word, _WORDS[verdict.word]))
    for finding in findings:
        wrapped = Text(finding).wrap(console, options.max_width - len(_INDENT))
        yield from (Text(_INDENT) + line for line in wrapped)


def _heading(report: Report) -> Text:
    what = f"{report.labels}, {report.split}: {report.prompts:,} prompts, {len(report.arms)} models"
    how = f"{notation.percent(report.level)} intervals from {report.replicates:,} paired bootstrap replicates"
    unit = f"; costs in {notation.cost_title('usd')}" if report.cost_unit == "usd" else ""
    return Text(f"{what}; {how}{unit}")


def _main_table(report: Report, wide: bool) -> Table:
    covered = partly_covered(report)
    costs = [] if report.cost_unit == "none" else [_cost_title(report.cost_unit)]
    gain = "gain over best single" if wide else "gain"
    table = _table("name", "quality", *costs, gain, "headroom", *(["known"] if covered else []))
    for group in filter(None, main_rows(report)):
        for row in group:
            known = [notation.percent(row.coverage, 1)] if covered else []
            cells = [row.name, *_cells(row, report.cost_unit, wide), *known]
            table.add_row(*(Text(cell) for cell in cells), style=_STYLES[row.kind])
        table.add_row()
    return table


def _table(name: str, *figures: str) -> Table:
    """A table whose names may fold and whose figures may not."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    table.add_column(name, overflow="fold", min_width=8)
    for title in figures:
        table.add_column(title, justify="right", no_wrap=True)
    return table


def _cells(row: Row, unit: CostUnit, wide: bool) -> list[str]:
    cost = [] if unit == "none" else [notation.cost(row.cost.value if row.cost else None, unit)]
    gain = notation.interval(row.gain, signed=True) if wide else notation.number(row.gain.value, signed=True)
    return [notation.interval(row.quality), *cost, gain, notation.percent(row.headroom.value)]


def _cost_title(unit: CostUnit) -> str:
    return f"USD/{notation.REQUESTS:,}" if unit == "usd" else "strong calls"


def _findings(report: Report, result: RouterResult) -> Iterator[str]:
    """What to know of a router beyond its row: the verdict's reason, money, the whole curve."""
    verdict, unit = result.verdict, report.cost_unit
    yield verdict.because
    gain = notation.interval(result.row.gain, signed=True)
    yield f"at trade-off {notation.number(result.tradeoff)}: {gain} quality over the best single model"
    if result.calls is not None:
        yield from _calls(report, result.calls)
    if verdict.word == "route" and verdict.saving_usd is not None and verdict.saving_usd > 0:
        saving = (
            f"{notation.significant(verdict.saving_usd * notation.REQUESTS)} USD per {notation.REQUESTS:,} requests"
        )
        yield f"saves {saving} against the mix of the same quality"
    if verdict.break_even_requests is not None:
        yield f"has paid for its labels after {verdict.break_even_requests:,} requests"
    if unit != "none" and {"aiq", "aiq_of_mix"} <= result.metrics.keys():
        mix = notation.number(result.metrics["aiq_of_mix"].value)
        yield f"AIQ {notation.interval(result.metrics['aiq'])}, of the mix {mix}"


def _calls(report: Report, calls: Calls) -> Iterator[str]:
    """Who answers, after how many calls, and how late."""
    names = short_names(report.arms)
    shares = sorted(((share, names[arm]) for arm, share in calls.answered.items() if share), reverse=True)
    answered = ", ".join(f"{notation.percent(share)} {name}" for share, name in shares)
    nobody = f", {notation.percent(calls.abstained.value, 1)} nobody" if calls.abstained.value else ""
    yield f"{notation.number(calls.per_prompt.value, 2)} calls a prompt; answered by: {answered}{nobody}"
    if math.isfinite(calls.latency_p50_s):
        p50, p95 = notation.seconds(calls.latency_p50_s), notation.seconds(calls.latency_p95_s)
        yield f"half of the answers take at most {p50}, 95 % at most {p95}"


def _learning_table(found: LearningCurve, unit: CostUnit, wide: bool) -> Table:
    """A row a size, fewest prompts first; the best single model ends it."""
    shown = notation.interval if wide else lambda figure, **_: notation.number(figure.value)
    costs = [] if unit == "none" else [_cost_title(unit)]
    table = _table("labelled prompts", "quality", *costs, "gain", "at trade-off 1")
    for row in found.rows:
        cost = [] if unit == "none" else [notation.cost(row.cost.value if row.cost else None, unit)]
        cells = (f"{row.prompts:,}", shown(row.quality), *cost, shown(row.gain, signed=True), shown(row.at_1))
        table.add_row(*(Text(cell) for cell in cells))
    table.add_row("best single", Text(shown(found.best_single)), style=_STYLES["single"])
    return table


def _pair_table(pairs: tuple[PairRow, ...], wide: bool) -> Table:
    table = _table("family", "prompts", "weak", "strong", "APGR", "oracle's", "CPT50", "CPT80")
    for row in pairs:
        means = (notation.number(mean) for mean in (row.weak, row.strong))
        cpt = (row.cpt50, row.cpt80)
        shares = (notation.percent_interval(one) if wide else notation.percent(one.value) for one in cpt)
        apgr = notation.interval(row.apgr)
        cells = (row.family, f"{row.prompts:,}", *means, apgr, notation.number(row.oracle_apgr), *shares)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _agreement(found: Agreement, unit: CostUnit) -> str:
    alike = f"{found.second} decides like {found.first} on {notation.percent(found.equal, 1)} of the prompts"
    beyond = f"beyond ties ({found.tolerance:g}): {found.unequal_beyond_ties:,}"
    change = f"quality {notation.interval(found.quality_change, 4, signed=True)}"
    cost = (
        "" if found.cost_change is None else f", {_cost_title(unit)} {notation.cost_interval(found.cost_change, unit)}"
    )
    return f"{alike}; {beyond}; {change}{cost}"
