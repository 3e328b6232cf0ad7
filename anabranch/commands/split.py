"""anabranch data split"""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from anabranch.commands.answer import Answer
from anabranch.data.labelset import read_labels, write_labels
from anabranch.data.outcomes import Outcomes
from anabranch.data.splits import carve
from anabranch.data.text_keys import near_duplicate_groups


def split(labels: Path, *, out: Path, test_share: float = 0.3, validation_share: float = 0.15, seed: int = 0) -> Answer:
    """Give a label set train, validation and test splits; equal and near-equal prompts stay together.

    Args:
        labels: label-set folder without a test split.
        out: label-set folder to write.
        test_share: share of the prompts to test on.
        validation_share: share of the rest to calibrate on.
        seed: of the choice.
    """
    label_set = read_labels(labels)
    texts = label_set.texts
    unlabelled = Outcomes.from_arrays(["any"], [[0.0]] * len(texts), texts=texts)
    shares = {"validation_share": validation_share, "test_share": test_share}
    carved = carve(unlabelled, near_duplicate_groups(texts), **shares, seed=seed)
    names = ["train"] * len(texts)
    for name in ("validation", "test"):
        for row in getattr(carved, name):
            names[row] = name
    prompts = label_set.prompts
    column = pa.array(names)
    if "split" in prompts.column_names:
        prompts = prompts.set_column(prompts.column_names.index("split"), "split", column)
    else:
        prompts = prompts.append_column("split", column)
    write_labels(replace(label_set, prompts=prompts), out)
    counts = {name: names.count(name) for name in ("train", "validation", "test")}
    return Answer(f"wrote {out}: " + ", ".join(f"{count} {name}" for name, count in counts.items()), counts)
