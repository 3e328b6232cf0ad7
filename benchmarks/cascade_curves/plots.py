"""A picture a board: cost against quality of the best cascades and routers, and of single models."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from anabranch.training.report.palette import ARM_COLOUR, MIX_COLOUR, ORACLE_COLOUR, look
from benchmarks.leaderboard.plots import CURVES, DPI, mixed

Found = Mapping[str, Any]


def draw_board(name: str, report: Found, path: Path) -> None:
    """Write the board's picture.

    Args:
        name: of the board.
        report: of an evaluation, as its JSON holds it.
        path: of the PNG.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    results = sorted(report["routers"], key=lambda result: -(result["metrics"]["aiq"]["value"] or 0))
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        picture = Picture(figsize=(9.5, 5.6), layout="constrained")
        axes = picture.subplots()
        for place, result in enumerate(results[:CURVES]):
            _curve(axes, result, place)
        _others(axes, results[CURVES:])
        _singles(axes, report)
        axes.set_xscale("log")
        axes.set_xlabel("mean cost, USD a thousand requests")
        axes.set_ylabel("mean quality")
        axes.set_title(f"{name}: {report['prompts']:,} test prompts; the five largest areas", loc="left")
        picture.legend(loc="outside right upper", frameon=False, fontsize=8)
        picture.savefig(path, dpi=DPI, metadata={"Software": None})


def _curve(axes: Axes, result: Found, place: int) -> None:
    style, row = look(place), result["row"]
    points = sorted((point["cost"]["value"], point["quality"]["value"]) for point in result["curve"])
    cost, quality = mixed(*zip(*points, strict=True))
    axes.plot(1000 * cost, quality, color=style.colour, ls=(0, style.dash) if style.dash else "solid", lw=1.2, zorder=3)
    axes.plot(
        1000 * row["cost"]["value"],
        row["quality"]["value"],
        style.marker,
        color=style.colour,
        ms=6,
        zorder=4,
        label=f"{place + 1}. {row['name']}, calibrated",
    )


def _others(axes: Axes, results: Sequence[Found]) -> None:
    for result in results:
        row = result["row"]
        axes.plot(1000 * row["cost"]["value"], row["quality"]["value"], ".", color="#b8bfc6", ms=5, zorder=1)
    if results:
        axes.plot([], [], ".", color="#b8bfc6", label="the others, calibrated")


def _singles(axes: Axes, report: Found) -> None:
    rows = {row["name"]: row for row in report["baselines"]}
    for arm in report["arms"]:
        at = (1000 * rows[arm]["cost"]["value"], rows[arm]["quality"]["value"])
        axes.plot(*at, "x", color=ARM_COLOUR, ms=6, zorder=2)
        axes.annotate(
            arm.rpartition("/")[2], at, xytext=(4, -9), textcoords="offset points", fontsize=6.5, color=ARM_COLOUR
        )
    axes.plot([], [], "x", color=ARM_COLOUR, label="single models")
    cost, quality = mixed(*zip(*report["frontier"], strict=True))
    axes.plot(1000 * cost, quality, ls=":", color=MIX_COLOUR, label="best mix of single models")
    oracle = rows["oracle"]
    at = (1000 * oracle["cost"]["value"], oracle["quality"]["value"])
    axes.plot(*at, "*", color=ORACLE_COLOUR, ms=11, label="oracle of single models")
