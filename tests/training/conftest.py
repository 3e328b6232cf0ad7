"""A label set whose right answers can be read off the prompts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet, write_labels

WORDS = {
    "sums": ["add", "plus", "minus", "total", "count", "number", "carry", "digit", "seven", "twelve"],
    "verse": ["river", "moon", "song", "rhyme", "autumn", "silver", "dream", "willow", "dusk", "lantern"],
}

LabelMaker = Callable[..., Path]


def label_set(
    prompts: int = 240, *, seed: int = 0, cost: bool = True, tokens: bool = False, samples: int = 1, noise: float = 0.1
) -> LabelSet:
    """Prompts of two kinds: `adder` answers sums, `poet` verse, `sage` both at twenty times the cost."""
    rng = np.random.default_rng(seed)
    kinds = [("sums", "verse")[i % 2] for i in range(prompts)]
    texts = [" ".join(rng.choice(WORDS[kind], 12)) + f" {i}" for i, kind in enumerate(kinds)]
    ids = [f"p{i}" for i in range(prompts)]
    skill = {
        "adder": {"sums": 1.0, "verse": 0.0},
        "poet": {"sums": 0.0, "verse": 1.0},
        "sage": dict.fromkeys(WORDS, 0.9),
    }
    price = {"adder": 0.001, "poet": 0.001, "sage": 0.02}
    rows = [
        {
            "prompt_id": prompt_id,
            "model": model,
            "sample": sample,
            "quality": float(rng.random() < abs(skill[model][kind] - noise)),
            "cost_usd": price[model] if cost else None,
            "prompt_tokens": 20 if tokens else None,
            "completion_tokens": 30 if tokens else None,
        }
        for prompt_id, kind in zip(ids, kinds, strict=True)
        for model in skill
        for sample in range(samples)
    ]
    splits = ["test" if i % 3 == 2 else "train" for i in range(prompts)]
    table = pa.table({"prompt_id": ids, "prompt": texts, "task": kinds, "split": splits})
    return LabelSet(table, pa.Table.from_pylist(rows))


@pytest.fixture
def make_labels(tmp_path: Path) -> LabelMaker:
    """Write a label set and return its folder."""

    def make(labels: LabelSet | None = None, name: str = "labels", **options: object) -> Path:
        folder = tmp_path / name
        write_labels(labels or label_set(**options), folder)  # type: ignore[arg-type]
        return folder

    return make
