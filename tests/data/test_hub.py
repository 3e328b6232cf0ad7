from pathlib import Path

import pyarrow as pa
import pytest
from datasets import Dataset

from anabranch.data.hub import from_datasets, to_datasets
from anabranch.data.label_rules import LabelError
from anabranch.data.labelset import LabelSet, write_labels

CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one"}]
FULL = LabelSet(
    pa.table({"prompt_id": ["x", "y"], "messages": [CHAT, CHAT], "colour": ["red", None]}),
    pa.table({"prompt_id": ["x", "y"], "model": ["m", "n"], "quality": [0.5, 1.0], "cost_usd": pa.nulls(2)}),
    pa.table({"prompt_id": ["x"], "model_a": ["m"], "model_b": ["n"], "winner": ["tie"]}),
)


def test_a_round_trip_keeps_every_table() -> None:
    again = from_datasets(to_datasets(FULL))

    assert again.hashes() == FULL.hashes()
    assert again.prompts.schema.equals(FULL.prompts.schema, check_metadata=True)


def test_a_set_without_votes_has_two_tables() -> None:
    datasets = to_datasets(LabelSet(FULL.prompts, FULL.labels))

    assert sorted(datasets) == ["labels", "prompts"]
    assert from_datasets(datasets).preferences is None


def test_datasets_reads_the_files_that_are_written(tmp_path: Path) -> None:
    write_labels(FULL, tmp_path / "set")
    cache = str(tmp_path / "cache")
    read = {
        name: Dataset.from_parquet(str(tmp_path / "set" / f"{name}.parquet"), cache_dir=cache)
        for name in ("prompts", "labels", "preferences")
    }

    assert from_datasets(read).hashes() == FULL.hashes()


def test_a_selection_is_what_is_read() -> None:
    datasets = to_datasets(LabelSet(FULL.prompts, FULL.labels))
    datasets["labels"] = datasets["labels"].select([1])

    assert from_datasets(datasets).arms() == ("n",)


def test_a_missing_table_is_named() -> None:
    with pytest.raises(LabelError, match=r"no data set named 'labels'; .* there: \['prompts'\]"):
        from_datasets({"prompts": to_datasets(FULL)["prompts"]})
