"""Which prompts are of one split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def split_rows(splits: Sequence[str], name: str) -> NDArray[np.bool_]:
    """The prompts of the split, mask [N].

    Args:
        splits: each prompt's.
        name: train, validation or test.

    Raises:
        ValueError: no prompt carries that name; the message lists the splits there are.

    >>> split_rows(["train", "test"], "test").tolist()
    [False, True]
    """
    rows = np.array([split == name for split in splits], dtype=bool)
    if not rows.any():
        raise ValueError(f"split {name!r} is empty; splits with prompts: {sorted(set(splits))}")
    return rows
