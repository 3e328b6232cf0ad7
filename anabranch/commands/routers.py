"""Routers from a RUN or a BUNDLE, and the prompts they may be measured on."""

import json
from collections.abc import Sequence
from pathlib import Path

from anabranch.data.arms import with_arms
from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Outcomes
from anabranch.export.session import open_bundle
from anabranch.routers.router import Router
from anabranch.routers.run import load_run
from anabranch.training.examples import cached_embedder


def open_router(path: Path, cache: Path | None) -> Router:
    """The router in a RUN or a BUNDLE folder, named after the folder.

    Raises:
        ValueError: the folder is neither.
    """
    if (path / "run.json").exists():
        run = load_run(path)
        embedder = None if run.settings.encoder_trained else cached_embedder(run.encoder, cache, progress=True)
        return run.router(path.name, embedder)
    if (path / "manifest.json").exists():
        return open_bundle(path)
    raise ValueError(f"{path} is neither a RUN (run.json) nor a BUNDLE (manifest.json); `anabranch train` makes a RUN")


def outcomes_for(labels: LabelSet, arms: Sequence[str]) -> Outcomes:
    """The label set's outcomes for exactly these arms, `model#n` among them."""
    models = list(dict.fromkeys(arm.partition("#")[0] for arm in arms))
    return with_arms(labels.outcomes(models), arms)


def rows_named(outcomes: Outcomes, run: Path, split: str) -> Outcomes:
    """The prompts a run used as `split`.

    Raises:
        ValueError: the labels do not hold them.
    """
    row_of = {prompt_id: row for row, prompt_id in enumerate(outcomes.prompt_ids)}
    ids = json.loads((run / "splits.json").read_text())[split]
    missing = [prompt_id for prompt_id in ids if prompt_id not in row_of]
    if missing:
        raise ValueError(f"{len(missing)} {split} prompts of {run} are not in these labels, e.g. {missing[0]!r}")
    return outcomes.take([row_of[prompt_id] for prompt_id in ids])
