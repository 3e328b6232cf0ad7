"""Write a small invented label set, to try the commands on: who answers well can be read off the prompt.

    python examples/two_skills.py labels

`adder` answers sums, `poet` answers verse, and `sage` answers both at twenty times their price. All of it is made up by
a random generator; your own labels go into the same three-file folder (docs/labels.md).
"""

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa

from anabranch.data.labelset import LabelSet, write_labels

WORDS = {
    "sums": ("add", "plus", "minus", "total", "count", "number", "carry", "digit", "seven", "twelve"),
    "verse": ("river", "moon", "song", "rhyme", "autumn", "silver", "dream", "willow", "dusk", "lantern"),
}
SKILL = {"adder": {"sums": 1.0, "verse": 0.0}, "poet": {"sums": 0.0, "verse": 1.0}, "sage": {"sums": 0.9, "verse": 0.9}}
PRICE_USD = {"adder": 0.001, "poet": 0.001, "sage": 0.02}


def label_set(
    prompts: int = 240, *, seed: int = 0, cost: bool = True, tokens: bool = False, samples: int = 1, noise: float = 0.1
) -> LabelSet:
    """Prompts of two kinds in turn, every third one in the test split.

    Args:
        prompts: how many.
        seed: of words and answers.
        cost: whether USD are known.
        tokens: whether token counts are known: 20 of the prompt, 30 of the completion.
        samples: answers a prompt and model.
        noise: how often a skill fails, or the lack of it succeeds.
    """
    rng = np.random.default_rng(seed)
    kinds = [("sums", "verse")[row % 2] for row in range(prompts)]
    ids = [f"p{row}" for row in range(prompts)]
    texts = [" ".join(rng.choice(WORDS[kind], 12)) + f" {row}" for row, kind in enumerate(kinds)]
    rows = [
        {
            "prompt_id": prompt_id,
            "model": model,
            "sample": sample,
            "quality": float(rng.random() < abs(skill[kind] - noise)),
            "cost_usd": PRICE_USD[model] if cost else None,
            "prompt_tokens": 20 if tokens else None,
            "completion_tokens": 30 if tokens else None,
        }
        for prompt_id, kind in zip(ids, kinds, strict=True)
        for model, skill in SKILL.items()
        for sample in range(samples)
    ]
    splits = ["test" if row % 3 == 2 else "train" for row in range(prompts)]
    table = pa.table({"prompt_id": ids, "prompt": texts, "task": kinds, "split": splits})
    return LabelSet(table, pa.Table.from_pylist(rows))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write a small invented label set.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--prompts", type=int, default=1200)
    options = parser.parse_args()
    write_labels(label_set(options.prompts), options.folder)
    print(f"wrote {options.prompts} prompts x {len(SKILL)} models to {options.folder}")
