"""Label sets as Hugging Face datasets: one data set per table."""

from collections.abc import Mapping

import pyarrow as pa
from datasets import Dataset, DatasetDict

from anabranch.data.label_rules import LabelError
from anabranch.data.labelset import LabelSet


def to_datasets(labels: LabelSet) -> DatasetDict:
    """The tables of a label set as data sets named prompts, labels and (where there are votes) preferences.

    >>> prompts = pa.table({"prompt_id": ["x"], "prompt": ["1 + 1?"]})
    >>> to_datasets(LabelSet(prompts, pa.table({"prompt_id": ["x"], "model": ["m"], "quality": [1.0]}))).num_rows
    {'prompts': 1, 'labels': 1}
    """
    return DatasetDict({name: Dataset(table) for name, table in labels.tables().items()})


def from_datasets(datasets: Mapping[str, Dataset]) -> LabelSet:
    """The label set that data sets named prompts, labels and (optionally) preferences hold.

    Raises:
        LabelError: a table is missing, or a row breaks a rule of `LabelSet`.
    """
    missing = sorted({"prompts", "labels"} - set(datasets))
    if missing:
        raise LabelError(
            f"no data set named {missing[0]!r}; a label set has prompts and labels; there: {sorted(datasets)}"
        )
    preferences = datasets.get("preferences")
    return LabelSet(
        _table(datasets["prompts"]),
        _table(datasets["labels"]),
        None if preferences is None else _table(preferences),
    )


def _table(dataset: Dataset) -> pa.Table:
    # selections and filters are applied on reading; the features' metadata belongs to `datasets`
    table: pa.Table = dataset.with_format("arrow")[:]
    return table.replace_schema_metadata(None)
