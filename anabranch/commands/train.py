"""anabranch train"""

import json
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from anabranch.commands.answer import Answer
from anabranch.training.fit import fit


def train(recipe: str, *, labels: Path, out: Path, settings: dict[str, Any] | None = None, **options: Any) -> Answer:
    """Train a router on a label set and write a RUN folder; the recipe's settings are flags of their own.

    Args:
        recipe: a name that `anabranch methods` lists, or package.module:Class.
        labels: label-set folder.
        out: RUN folder to write.
        settings: the recipe's settings, for configuration files; on the command line they are flags.
        options: passed to fit.
    """
    run = fit(labels, out, recipe, settings, **options)
    metrics = json.loads((out / "metrics.json").read_text())
    table = Table(title=f"{recipe} trained on {run.provenance.prompts['train']} prompts", show_header=False)
    for name, value in {**run.provenance.prompts, **metrics}.items():
        table.add_row(name.replace("_", " "), "n/a" if value is None else f"{value:.6g}")
    data = {"out": str(out), "arms": run.settings.arms, "prompts": run.provenance.prompts, "validation": metrics}
    advice = Text(f"next: anabranch evaluate {out} --labels {labels} --out REPORT", no_wrap=True, overflow="ignore")
    return Answer(Group(table, advice), data)
