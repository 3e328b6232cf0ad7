"""anabranch evaluate"""

import json
from collections.abc import Sequence
from pathlib import Path

import orjson
from rich.console import Group
from rich.text import Text

from anabranch.commands.answer import Answer
from anabranch.commands.routers import open_router
from anabranch.data.arms import with_arms
from anabranch.data.labelset import read_labels
from anabranch.data.outcomes import Outcomes
from anabranch.training.evaluate import evaluate as measure
from anabranch.training.report.console import renderable
from anabranch.training.report.json_view import to_json
from anabranch.training.report.write import write_report


def evaluate(
    routers: list[Path],
    *,
    labels: Path,
    split: str = "test",
    out: Path | None = None,
    replicates: int = 1000,
    seed: int = 0,
    examples: int = 12,
    cache: Path | None = None,
) -> Answer:
    """Measure runs and bundles beside the baselines, with intervals and a verdict.

    Args:
        routers: RUN or BUNDLE folders, all of the same arms.
        labels: label-set folder.
        split: the prompts to measure on.
        out: REPORT folder to write: report.html, report.png, report.json.
        replicates: of the bootstrap.
        seed: of the bootstrap, and of which examples are shown.
        examples: decisions shown a router in the report; 0 keeps prompts out of it.
        cache: folder of the embedding cache.
    """
    opened = [open_router(path, cache) for path in routers]
    outcomes = with_arms(read_labels(labels).outcomes(), opened[0].arms)
    test = outcomes.split(split)
    for path in routers:
        _refuse_trained_on(path, test, split)
    report = measure(
        opened,
        test,
        _train_of(outcomes, test),
        labels=labels.name,
        split=split,
        replicates=replicates,
        seed=seed,
        examples=examples,
    )
    shown = [renderable(report)]
    if out is not None:
        write_report(report, out)
        shown.append(Text(f"report: {out / 'report.html'}"))
    return Answer(Group(*shown), orjson.loads(to_json(report)))


def _train_of(outcomes: Outcomes, test: Outcomes) -> Outcomes:
    """The prompts that name the best single arm; with no train split it is named in hindsight, which favours it."""
    return outcomes.split("train") if "train" in outcomes.splits else test


def _refuse_trained_on(path: Path, test: Outcomes, split: str) -> None:
    if split == "train" or not (path / "splits.json").exists():
        return
    learnt: Sequence[str] = json.loads((path / "splits.json").read_text())["train"]
    seen = set(learnt) & set(test.prompt_ids)
    if seen:
        raise ValueError(f"{path} was trained on {len(seen)} of these {split} prompts; name a split it has not seen")
