"""anabranch train"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from anabranch.commands.answer import Answer
from anabranch.commands.recipe_flags import AUTO
from anabranch.routers.settings import Provenance
from anabranch.training.after.registry import AFTER
from anabranch.training.auto import Finding, auto
from anabranch.training.cascades.fit import fit_cascade
from anabranch.training.cascades.registry import CASCADES
from anabranch.training.fit import fit
from anabranch.training.report.contents import Interval


def train(
    recipe: str,
    *,
    labels: Path,
    out: Path,
    settings: dict[str, Any] | None = None,
    **options: Any,
) -> Answer:
    """Train a router or a cascade on a label set and write a RUN folder; the recipe's settings are flags of their own.

    Args:
        recipe: a name that `anabranch methods` lists, package.module:Class, or auto, which cross-validates a stack of
            recipes on the train prompts and says whether it beats what never reads the prompt.
        labels: label-set folder.
        out: RUN folder to write.
        settings: the recipe's settings, for configuration files; on the command line they are flags.
        options: passed to fit.
    """
    if recipe in CASCADES | AFTER:
        cascade = fit_cascade(labels, out, recipe, settings, **options)
        return _answer(cascade.settings.models, cascade.provenance, recipe, labels, out)
    if recipe != AUTO:
        run = fit(labels, out, recipe, settings, **options)
        return _answer(run.settings.arms, run.provenance, recipe, labels, out)
    run, finding = auto(labels, out, settings, **options)
    (out / "auto.json").write_bytes(orjson.dumps(finding, option=orjson.OPT_INDENT_2))
    return _answer(run.settings.arms, run.provenance, run.settings.recipe, labels, out, finding)


def _answer(
    arms: Sequence[str], origin: Provenance, recipe: str, labels: Path, out: Path, finding: Finding | None = None
) -> Answer:
    metrics = json.loads((out / "metrics.json").read_text())
    table = Table(title=f"{recipe} trained on {origin.prompts['train']} prompts", show_header=False)
    for name, value in {**origin.prompts, **metrics}.items():
        table.add_row(name.replace("_", " "), "n/a" if value is None else f"{value:.6g}")
    data = {"out": str(out), "arms": arms, "prompts": origin.prompts, "validation": metrics}
    advice = Text(f"next: anabranch evaluate {out} --labels {labels} --out REPORT", no_wrap=True, overflow="ignore")
    if finding is None:
        return Answer(Group(table, advice), data)
    return Answer(Group(_shown(finding), table, advice), {**data, "auto": orjson.loads(orjson.dumps(finding))})


def _shown(finding: Finding) -> RenderableType:
    """The candidates, losers included, and the word."""
    table = Table("candidate", "quality", "gain over the mix", "Brier", title="on train prompts left out once each")
    for one in finding.candidates:
        table.add_row(one.name, _interval(one.quality), _interval(one.gain), f"{one.brier:.4f}")
    name, quality = finding.best_single
    table.add_row(f"best single: {name}", f"{quality:.4f}", "", "")
    return Group(table, Text(f"{finding.word}: {_reason(finding)}"))


def _reason(finding: Finding) -> str:
    gain = finding.candidates[0].gain
    bound = f"the stack gains {gain.value:+.4f}, one-sided 95 % bound {gain.low:+.4f}, on {finding.prompts:,} prompts"
    if finding.word == "route":
        return bound
    written = "the stack is written as the best guess" if gain.value > 0 else "what is written never reads the prompt"
    return f"{bound}; {written}"


def _interval(found: Interval) -> str:
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"
