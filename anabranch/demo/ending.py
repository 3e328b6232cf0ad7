"""What the demonstration says in the end: to be understood in ten seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from anabranch.demo.asked import Asked


def requests_table(asked: Sequence[Asked]) -> Table:
    """The requests that the served bundle answered."""
    table = Table("prompt", "served by", "answer", "", "USD", title="requests to the served bundle, quality first")
    for one in asked:
        mark = "[green]right[/green]" if one.right else f"[red]wrong[/red], {one.question.reference}"
        table.add_row(Text(one.question.prompt), one.model, Text(one.answer), mark, f"{one.cost_usd:.1e}")
    return table


def summary(report: dict[str, Any], out: Path, exported: str, took_s: float) -> Group:
    """Quality and cost of the best single model, the routers and the oracle, the verdicts, and where things lie.

    A router stands there twice: calibrated to the quality of the best single model, and at trade-off 1.
    """
    table = Table("", "quality", "USD a request", "verdict", title=f"{report['prompts']} prompts nobody trained on")
    baselines = {row["name"]: row for row in report["baselines"]}
    best = baselines[report["best_single"]]
    table.add_row(f"best single model, {best['name']}", *_figures(best), "")
    for result in report["routers"]:
        name = result["row"]["name"]
        table.add_row(f"router {name}, cost first", *_figures(result["row"]), Text(result["verdict"]["word"]))
        table.add_row(f"router {name}, quality first", *_figures(result["curve"][-1]), "")
    oracle = baselines.get("oracle")
    if oracle is not None:
        table.add_row("oracle, which knows every answer", *_figures(oracle), "")
    return Group(
        table,
        Text(f"report  {out / 'report' / 'report.html'}", no_wrap=True),
        Text(f"bundle  {out / 'bundle'} ({exported}); serve it: anabranch serve {out / 'bundle'}", no_wrap=True),
        Text(f"took {minutes(took_s)}"),
    )


def minutes(seconds: float) -> str:
    """A length of time as a person says it.

    >>> minutes(164.4), minutes(59.8)
    ('2 min 44 s', '1 min 0 s')
    """
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60} s"


def _figures(row: dict[str, Any]) -> tuple[str, str]:
    quality, cost = row["quality"], row["cost"]
    shown = f"{quality['value']:.3f} [{quality['low']:.3f}, {quality['high']:.3f}]"
    return shown, "n/a" if cost is None else f"{cost['value']:.2e}"
