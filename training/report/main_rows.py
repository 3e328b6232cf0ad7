"""The rows of the main table, in the order people read them."""

import math
from dataclasses import replace

from anabranch.training.report.contents import Report, Row
from anabranch.training.report.names import shortened


def main_rows(report: Report) -> tuple[tuple[Row, ...], ...]:
    """Routers as given, then a fusion; baselines; single models, best first: three groups, models' names shortened."""
    baselines = [replace(row, name=shortened(row.name, report.arms)) for row in report.baselines]
    singles = sorted((row for row in baselines if row.kind == "single"), key=_falling_quality)
    others = (row for row in baselines if row.kind != "single")
    fused = () if report.fusion is None else (report.fusion.row,)
    return (*(one.row for one in report.routers), *fused), tuple(others), tuple(singles)


def partly_covered(report: Report) -> bool:
    """Whether some row rests on fewer cells than it should, so that coverage is worth a column."""
    return any(row.coverage < 1 for group in main_rows(report) for row in group)


def _falling_quality(row: Row) -> float:
    return math.inf if math.isnan(row.quality.value) else -row.quality.value
