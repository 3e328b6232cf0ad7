"""A picture a board: cost against quality where a cost is known, else quality with intervals."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from anabranch.training.paired import Floats
from anabranch.training.report.palette import ARM_COLOUR, MIX_COLOUR, ORACLE_COLOUR, look
from benchmarks.leaderboard.columns import ALPHA
from benchmarks.leaderboard.sheets import Line, Sheet
from benchmarks.leaderboard.standings import Standing

STEPS = 20  # of a line between two points
CURVES = 5  # more cannot be told apart
DPI = 110
CLAIMED, OPEN, SEED = look(0).colour, "#5f6a74", "#d55e00"


def draw_board(sheet: Sheet, rows: Sequence[Standing], path: Path) -> None:
    """Write the board's picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = [row for row in rows if row.figures]
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        picture = _costs(sheet, shown) if sheet.unit != "none" else _intervals(sheet, shown)
        picture.savefig(path, dpi=DPI, metadata={"Software": None})


def _costs(sheet: Sheet, rows: Sequence[Standing]) -> Picture:
    """The best rows' curves, every row's two points, the single models, the zero router and the oracle."""
    picture = Picture(figsize=(9.5, 5.6), layout="constrained")
    axes = picture.subplots()
    scale = 1000.0 if sheet.unit == "usd" else 1.0
    for row in rows[CURVES:]:
        cost, quality = row.figures["cost"], row.figures["quality"]
        axes.plot(scale * cost.value, quality.value, ".", color="#b8bfc6", ms=5, zorder=1)
    if rows[CURVES:]:
        axes.plot([], [], ".", color="#b8bfc6", label="other recipes, quality first")
    for place, row in enumerate(rows[:CURVES]):
        _curve(axes, row, place, scale)
    _singles(axes, sheet, scale)
    axes.set_xscale("log" if sheet.unit == "usd" else "linear")
    axes.set_xlabel(
        "mean cost, USD a thousand requests" if sheet.unit == "usd" else f"share of calls to {sheet.best_single}"
    )
    axes.set_ylabel("mean quality")
    axes.set_title(
        f"{sheet.name}: {sheet.test:,} test prompts; curves of one seed, marks are means over seeds", loc="left"
    )
    picture.legend(loc="outside right upper", frameon=False, fontsize=8)
    return picture


def _curve(axes: Axes, row: Standing, place: int, scale: float) -> None:
    style = look(place)
    cost, quality = mixed(*zip(*sorted(zip(*row.curve, strict=True)), strict=True))
    dash = (0, style.dash) if style.dash else "solid"
    axes.plot(scale * cost, quality, color=style.colour, ls=dash, lw=1.2, zorder=3)
    axes.plot(
        scale * row.figures["cost"].value,
        row.figures["quality"].value,
        style.marker,
        color=style.colour,
        ms=6,
        zorder=4,
        label=f"{place + 1}. {row.recipe}, quality first",
    )


def mixed(cost: Sequence[float], quality: Sequence[float]) -> tuple[Floats, Floats]:
    """A line through points of rising cost; between two of them a coin, which is bent on a logarithmic axis."""
    place = np.arange(len(cost))
    fine = np.linspace(0, len(cost) - 1, 1 + STEPS * (len(cost) - 1))
    return np.interp(fine, place, cost), np.interp(fine, place, quality)


def _singles(axes: Axes, sheet: Sheet, scale: float) -> None:
    for line in sheet.singles:
        if line.cost is not None:
            axes.plot(scale * line.cost.value, line.quality.value, "x", color=ARM_COLOUR, ms=6, zorder=2)
            axes.annotate(
                line.name.rpartition("/")[2],
                (scale * line.cost.value, line.quality.value),
                xytext=(4, -9),
                textcoords="offset points",
                fontsize=6.5,
                color=ARM_COLOUR,
            )
    axes.plot([], [], "x", color=ARM_COLOUR, label="single models")
    cost, quality = mixed(*zip(*sheet.frontier, strict=True))
    axes.plot(scale * cost, quality, ls=":", color=MIX_COLOUR, label="zero: best mix of single models")
    oracle = _named(sheet, "oracle")
    if oracle.cost is not None:
        axes.plot(scale * oracle.cost.value, oracle.quality.value, "*", color=ORACLE_COLOUR, ms=11, label="oracle")


def _intervals(sheet: Sheet, rows: Sequence[Standing]) -> Picture:
    """Every row's gain over the best single model with its paired interval and its seeds, best on top."""
    picture = Picture(figsize=(9.5, 1.9 + 0.21 * max(4, len(rows))), layout="constrained")
    axes = picture.subplots()
    base = next(line for line in sheet.baselines if line.name.startswith("best single")).quality.value
    for height, row in enumerate(reversed(rows)):
        gain, colour = row.figures["gain"], CLAIMED if row.p.get("gain", 1.0) < ALPHA else OPEN
        axes.plot([gain.low, gain.high], [height, height], color=colour, lw=1.2, zorder=2)
        axes.plot(gain.seeds, [height] * len(gain.seeds), "|", color=SEED, ms=8, zorder=3)
        axes.plot(gain.value, height, "o", color=colour, ms=4, zorder=4)
    axes.set_yticks(range(len(rows)), [row.recipe for row in reversed(rows)], fontsize=8)
    axes.set_ylim(-0.7, len(rows) - 0.3)
    axes.axvline(0, color=ARM_COLOUR, lw=1, label=f"best single model, {base:.3f}")
    axes.plot([], [], "o-", color=CLAIMED, ms=4, label="above it (Holm, 5 %)")
    axes.plot([], [], "o-", color=OPEN, ms=4, label="not shown to be")
    axes.plot([], [], "|", color=SEED, ms=8, label="single seeds")
    for name in ("random mix", "oracle"):
        axes.plot([], [], ls="none", label=f"{name} {_named(sheet, name).quality.value:.3f}")
    axes.set_xlabel("quality over the best single model, quality first; paired 95 % interval")
    top = axes.secondary_xaxis(
        "top", functions=(lambda gain: np.add(gain, base), lambda quality: np.subtract(quality, base))
    )
    top.set_xlabel(f"{sheet.name}: mean quality on {sheet.test:,} test prompts, mean over seeds")
    picture.legend(loc="outside right upper", frameon=False, fontsize=8)
    return picture


def _named(sheet: Sheet, name: str) -> Line:
    return next(line for line in sheet.baselines if line.name == name)
