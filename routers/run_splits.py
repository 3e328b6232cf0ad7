"""The prompts a RUN was trained and calibrated on, found again in a label set."""

from pathlib import Path

import numpy as np
import orjson
from safetensors.numpy import load_file, save_file

from anabranch.data.arms import with_arms
from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.estimates import Estimates

UNSEEN = "unseen.safetensors"


def labelled_split(run: Path, name: str, labels: LabelSet, arms: tuple[str, ...]) -> Outcomes:
    """What `arms` achieved on the prompts of one of a RUN's splits, in the order of training.

    Args:
        run: the RUN folder; its splits.json lists prompt ids by split.
        name: train, validation or test.
        labels: the label set it was trained on, or one that holds it.
        arms: the router's arms.

    Raises:
        ValueError: the RUN keeps no such split, or prompts or arms are missing from the label set.
    """
    path = run / "splits.json"
    splits = orjson.loads(path.read_bytes()) if path.is_file() else {}
    if name not in splits:
        raise ValueError(f"{path} does not list the {name} prompts, which tie a RUN to its label set: train again")
    outcomes = with_arms(labels.outcomes(), arms)
    row = {prompt_id: number for number, prompt_id in enumerate(outcomes.prompt_ids)}
    missing = [prompt_id for prompt_id in splits[name] if prompt_id not in row]
    if missing:
        raise ValueError(
            f"{len(missing)} of {len(splits[name])} {name} prompts of {run} are not in the label set "
            f"(first: {missing[0]!r}): give the label set it was trained on"
        )
    return outcomes.take([row[prompt_id] for prompt_id in splits[name]])


def write_unseen(run: Path, said: Estimates[Floats] | None) -> None:
    """Keep estimates [N, A] of a RUN's N validation prompts, by routers that had not seen them; None keeps none."""
    path = run / UNSEEN
    if said is None:
        path.unlink(missing_ok=True)  # an interrupted training may have left another router's
    else:
        save_file({name: np.ascontiguousarray(part) for name, part in said._asdict().items()}, path)


def read_unseen(run: Path) -> Estimates[Floats] | None:
    """What `write_unseen` kept; None where the validation prompts did not train the RUN's router."""
    path = run / UNSEEN
    return Estimates(**load_file(path)) if path.is_file() else None
