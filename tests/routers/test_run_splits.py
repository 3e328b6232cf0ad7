"""The prompts of a RUN, found in a label set."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from anabranch.data.labelset import LabelSet
from anabranch.routers.run_splits import labelled_split

LABELS = LabelSet(
    pa.table({"prompt_id": ["x", "y", "z"], "prompt": ["1?", "2?", "3?"]}),
    pa.table(
        {
            "prompt_id": ["x", "y", "z", "z", "x"],
            "model": ["m", "m", "m", "m", "n"],
            "sample": [0, 0, 0, 1, 0],
            "quality": [0.25, 0.5, 0.0, 1.0, 1.0],
        }
    ),
)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "splits.json").write_text(json.dumps({"train": ["z", "x"], "validation": ["gone", "y"]}))
    return tmp_path


def test_rows_come_in_the_order_of_training(run: Path) -> None:
    """z has two samples of m, 0 and 1, mean 0.5."""
    train = labelled_split(run, "train", LABELS, ("m",))
    assert train.prompt_ids == ("z", "x")
    assert train.quality.tolist() == [[0.5], [0.25]]


def test_arms_of_several_samples_are_made_again(run: Path) -> None:
    """The best of z's two samples is 1."""
    train = labelled_split(run, "train", LABELS, ("m#2", "n"))
    assert train.arms == ("m#2", "n")
    assert train.quality[0, 0] == 1.0


def test_missing_prompts_are_counted_and_the_first_named(run: Path) -> None:
    with pytest.raises(ValueError, match=r"1 of 2 validation prompts .* \(first: 'gone'\): give the label set"):
        labelled_split(run, "validation", LABELS, ("m",))


def test_a_run_without_splits_cannot_be_matched(tmp_path: Path, run: Path) -> None:
    with pytest.raises(ValueError, match="does not list the holdout prompts"):
        labelled_split(run, "holdout", LABELS, ("m",))
    (run / "splits.json").unlink()
    with pytest.raises(ValueError, match="does not list the train prompts"):
        labelled_split(run, "train", LABELS, ("m",))
