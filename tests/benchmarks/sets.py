"""A real-looking set of labels that can be worked out by hand."""

from pathlib import Path

import pyarrow as pa

from anabranch.data.labelset import LabelSet, write_labels

TOPICS = ("river lake tide flood", "piston axle gear clutch")
MODELS = ("engineer", "sailor")


def two_topics(prompts: int = 160, cost: bool = True) -> LabelSet:
    """Prompts on two topics, each of which one of two models gets right; half of them are for the test.

    Three of four are on cars, so the engineer is the best single model, right on 3/4.
    """
    rows = range(prompts)
    ids = [f"p{row}" for row in rows]
    prompt = {
        "prompt_id": ids,
        "prompt": [f"{TOPICS[_topic(row)]} number{row} of all{7 * row}" for row in rows],
        "task": ["boats" if _topic(row) == 0 else "cars" for row in rows],
        "split": ["test" if row % 8 >= 4 else "train" for row in rows],
    }
    labels = [
        {
            "prompt_id": ids[row],
            "model": model,
            "quality": float(right),
            "cost_usd": price if cost else None,
        }
        for row in rows
        for model, right, price in (("engineer", _topic(row) == 1, 0.004), ("sailor", _topic(row) == 0, 0.001))
    ]
    schema = pa.schema(
        [("prompt_id", pa.string()), ("model", pa.string()), ("quality", pa.float64()), ("cost_usd", pa.float64())]
    )
    return LabelSet(pa.table(prompt), pa.Table.from_pylist(labels, schema))


def write_two_topics(folder: Path, cost: bool = True) -> None:
    """The same, in a folder."""
    write_labels(two_topics(cost=cost), folder)


def _topic(row: int) -> int:
    """Three cars for each boat."""
    return int(row % 4 != 0)
