"""anabranch pocket prompts"""

from pathlib import Path

import pyarrow.parquet as pq

from anabranch.commands.answer import Answer
from anabranch.data.pocket_prompts import pocket_prompts
from anabranch.upstreams.pocket.frozen import TEST_PROMPTS, TRAIN_PROMPTS


def prompts(*, out: Path, train: int = TRAIN_PROMPTS, test: int = TEST_PROMPTS) -> Answer:
    """Write the pocket pool's own prompts, with their right answers, for `data collect`.

    Args:
        out: folder to write prompts.parquet into.
        train: how many that routers learn from, at most 3000.
        test: how many that they are tested on, at most 2000.
    """
    table = pocket_prompts(train, test)
    out.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, out / "prompts.parquet")
    families = sorted(set(table["task"].to_pylist()))
    shown = f"wrote {out}: {train} prompts to train on and {test} to test on, of {len(families)} families"
    return Answer(shown, {"out": str(out), "train": train, "test": test, "families": families})
