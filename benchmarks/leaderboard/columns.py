"""The columns of a board's table: what stands in a cell, and what is left empty."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.leaderboard.sheets import Sheet
from benchmarks.leaderboard.standings import Figure, Standing

ALPHA = 0.05
STAR = "*"


@dataclass(frozen=True)
class Column:
    """A column: its title, and the text of a standing's cell; empty where there is nothing to say."""

    title: str
    cell: Callable[[Standing], str]


def columns_of(sheet: Sheet, rows: Sequence[Standing]) -> tuple[Column, ...]:
    """The columns in which at least one row says something; the main figure first."""
    unit = "USD a thousand" if sheet.unit == "usd" else "strong share"
    scale = 1000.0 if sheet.unit == "usd" else 1.0
    first = {"aiq": "AIQ", "apgr": "APGR", "quality": "quality"}[sheet.main]
    wanted = [
        Column(f"**{first}** [95 %]", lambda row: spread(row.figures.get(sheet.main))),
        Column("seeds", lambda row: between(row.figures.get(sheet.main))),
        Column("over zero [95 %]", lambda row: starred(row, "aiq_gain")),
        Column("over 0.5 [95 %]", lambda row: starred(row, "apgr_gain")),
        Column("CPT50", lambda row: plain(row.figures.get("cpt50"))),
        Column("quality first", lambda row: "" if sheet.main == "quality" else plain(row.figures.get("quality"))),
        Column("over best single [95 %]", lambda row: starred(row, "gain")),
        Column("headroom recovered [95 %]", lambda row: spread(row.figures.get("headroom"), 2)),
        Column(f"quality first, {unit}", lambda row: scaled(row.figures.get("cost"), scale)),
        Column("calibrated quality", lambda row: plain(row.figures.get("calibrated_quality"))),
        Column(f"calibrated, {unit}", lambda row: scaled(row.figures.get("calibrated_cost"), scale)),
        Column("QNC", lambda row: plain(row.figures.get("qnc"), 2)),
        Column("Brier", lambda row: plain(row.figures.get("brier"))),
        Column("decision, µs", lambda row: fact(row, "decision_us")),
        Column("head, kB", lambda row: fact(row, "head_bytes", 1e-3)),
        Column("training, CPU s", lambda row: fact(row, "train_cpu_s")),
    ]
    return tuple(column for column in wanted if any(column.cell(row) for row in rows))


def number(value: float, digits: int = 3) -> str:
    """A number with so many decimals; a dash where it is not defined, "never" where it is out of reach.

    >>> number(0.12345), number(float("inf")), number(float("nan"))
    ('0.123', 'never', '—')
    """
    if math.isnan(value):
        return "—"
    return "never" if math.isinf(value) else f"{value:z.{digits}f}"


def three(value: float) -> str:
    """A number with three digits that count, whatever its size.

    >>> three(0.00012345), three(12345.6), three(7.0)
    ('0.000123', '12,300', '7.00')
    """
    if not math.isfinite(value) or value == 0:
        return number(value, 0)
    decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, decimals):,.{max(0, decimals)}f}"


def spread(figure: Figure | None, digits: int = 3) -> str:
    """Mean over seeds and the interval over test prompts."""
    if figure is None:
        return ""
    return f"{number(figure.value, digits)} [{number(figure.low, digits)}, {number(figure.high, digits)}]"


def between(figure: Figure | None) -> str:
    """The lowest and the highest seed."""
    if figure is None:
        return ""
    return f"{number(min(figure.seeds))} to {number(max(figure.seeds))}" if len(figure.seeds) > 1 else "one"


def starred(row: Standing, name: str) -> str:
    """A difference with its interval, marked where it is above 0 after Holm's correction."""
    figure = row.figures.get(name)
    if figure is None:
        return ""
    text = f"{figure.value:+z.3f} [{figure.low:+z.3f}, {figure.high:+z.3f}]"
    return text + (f" {STAR}" if row.p.get(name, 1.0) < ALPHA else "")


def plain(figure: Figure | None, digits: int = 3) -> str:
    """The mean over seeds alone."""
    return "" if figure is None else number(figure.value, digits)


def scaled(figure: Figure | None, scale: float) -> str:
    """A mean in another unit, three digits."""
    return "" if figure is None else three(scale * figure.value)


def fact(row: Standing, name: str, scale: float = 1.0) -> str:
    """A mean over seeds of what is measured once a run."""
    return three(scale * row.facts[name]) if name in row.facts else ""
