from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet

Build = Callable[..., LabelSet]


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(columns)})


@pytest.fixture
def build() -> Build:
    """A label set from rows: (prompt_id, prompt, split, task), (prompt_id, model, quality, cost_usd), votes."""

    def from_rows(
        prompts: Sequence[Sequence[Any]],
        labels: Sequence[Sequence[Any]],
        preferences: Sequence[Sequence[Any]] = (),
    ) -> LabelSet:
        votes = _table(("prompt_id", "model_a", "model_b", "winner"), preferences)
        return LabelSet(
            _table(("prompt_id", "prompt", "split", "task"), prompts),
            _table(("prompt_id", "model", "quality", "cost_usd"), labels),
            votes if preferences else None,
        )

    return from_rows
