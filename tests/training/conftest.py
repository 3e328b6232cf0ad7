"""The example's label set, written where a test wants it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from anabranch.data.labelset import LabelSet, write_labels
from examples.two_skills import label_set

LabelMaker = Callable[..., Path]


@pytest.fixture
def make_labels(tmp_path: Path) -> LabelMaker:
    """Write a label set and return its folder."""

    def make(labels: LabelSet | None = None, name: str = "labels", **options: object) -> Path:
        folder = tmp_path / name
        write_labels(labels or label_set(**options), folder)  # type: ignore[arg-type]
        return folder

    return make
