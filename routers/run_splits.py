"""The prompts a RUN was trained and calibrated on, found again in a label set."""

from pathlib import Path

import orjson

from anabranch.data.arms import with_arms
from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Outcomes


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
