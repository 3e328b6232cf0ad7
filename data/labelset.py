"""A label set: the folder that holds what is known about a model pool."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from anabranch.data.columns import codes, distinct, numbers, strings
from anabranch.data.label_rules import (
    WINNERS,
    LabelError,
    check_labels,
    check_preferences,
    check_prompts,
    refuse_row,
    sample_numbers,
)
from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.preferences import Preferences
from anabranch.data.routing_text import routing_text


@dataclass(frozen=True, eq=False)
class LabelSet:
    """The validated tables of a label set; columns that no rule names are kept as they are.

    Args:
        prompts: prompt_id, and prompt (text) or messages (a list of role and content, or JSON);
            optional task, split (train, validation or test; train where missing) and reference.
        labels: prompt_id, model, quality in [0, 1] (null = not judged); optional cost_usd (USD a request),
            prompt_tokens, completion_tokens, latency_s (seconds), response, sample (0 where missing).
            No two rows share prompt_id, model and sample.
        preferences: prompt_id, model_a, model_b, winner (a, b or tie); optional judge, p_b in [0, 1].
            They may name models without labels.
            A model compared with itself says nothing and is read past.

    Raises:
        LabelError: a column is missing or of the wrong type, or a row breaks a rule; the first is named.

    >>> prompts = pa.table({"prompt_id": ["x"], "prompt": ["1 + 1?"]})
    >>> labels = pa.table({"prompt_id": ["x", "x"], "model": ["small", "large"], "quality": [0.5, 1.0]})
    >>> LabelSet(prompts, labels).outcomes().quality.tolist()
    [[1.0, 0.5]]
    """

    prompts: pa.Table
    labels: pa.Table
    preferences: pa.Table | None = None

    def __post_init__(self) -> None:
        check_prompts(self.prompts)
        check_labels(self.labels, self.prompts)
        if self.preferences is not None:
            check_preferences(self.preferences, self.prompts)
        _ = self.texts  # a prompt without text is refused here, not in the middle of training

    @cached_property
    def prompt_ids(self) -> tuple[str, ...]:
        """The prompts' names, N of them, in the order of the file."""
        return tuple(strings(self.prompts, "prompt_id"))

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """The prompts' tasks, N of them; "all" where none is given."""
        return tuple(strings(self.prompts, "task", default="all"))

    @cached_property
    def splits(self) -> tuple[str, ...]:
        """The prompts' splits, N of them; train where none is given."""
        return tuple(strings(self.prompts, "split", default="train"))

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The prompts' routing texts, N of them."""
        there = set(self.prompts.column_names)
        missing = pa.nulls(self.prompts.num_rows)
        columns = [self.prompts[name] if name in there else missing for name in ("messages", "prompt")]
        requests = zip(*(column.to_pylist() for column in columns), strict=True)
        return tuple(_routing_text(self.prompts, row, *request) for row, request in enumerate(requests))

    def arms(self) -> tuple[str, ...]:
        """The models with labels, sorted; of a set of preferences only, the models that votes name."""
        labelled = distinct(self.labels, "model")
        return tuple(labelled or sorted(self.voted_models()))

    def outcomes(self, models: Sequence[str] | None = None) -> Outcomes:
        """Every prompt of the set as dense arrays, the mean over samples in each cell.

        Args:
            models: the arms, in that order; all models with labels, sorted, when not given.

        Raises:
            LabelError: there are no labels, or a model has none.
        """
        if self.labels.num_rows == 0:
            raise LabelError("labels.parquet is empty: outcomes need labels; this set can only give votes()")
        arms = tuple(models or self.arms())
        _known(arms, self.arms())
        arm = codes(self.labels, "model", arms)
        chosen = self.labels.filter(pa.array(arm >= 0))
        cell = codes(chosen, "prompt_id", self.prompt_ids) * len(arms) + arm[arm >= 0]
        shape = (len(self.prompt_ids), len(arms))

        def mean(column: str) -> Floats:
            return _mean_per_cell(numbers(chosen, column), cell, shape)

        return Outcomes(
            arms=arms,
            prompt_ids=self.prompt_ids,
            texts=self.texts,
            tasks=self.tasks,
            splits=self.splits,
            quality=mean("quality").astype(np.float32),
            cost_usd=mean("cost_usd"),
            prompt_tokens=mean("prompt_tokens").astype(np.float32),
            completion_tokens=mean("completion_tokens").astype(np.float32),
            latency_s=mean("latency_s").astype(np.float32),
            samples=_samples(chosen, cell, shape),
        )

    def votes(self, arms: Sequence[str], prompt_ids: Sequence[str]) -> Preferences | None:
        """The votes between `arms` on `prompt_ids`, as rows of those two lists; None when there are none.

        Where `p_b` is not given, the winner has all of the vote and a tie is 0.5.

        Raises:
            LabelError: an arm has neither labels nor votes (of `model#n`, the model counts).
        """
        _known([arm.partition("#")[0] for arm in arms], {*self.arms(), *self.voted_models()})
        if self.preferences is None:
            return None
        a, b = (codes(self.preferences, column, arms) for column in ("model_a", "model_b"))
        prompt = codes(self.preferences, "prompt_id", prompt_ids)
        keep = (a >= 0) & (b >= 0) & (a != b) & (prompt >= 0)
        if not keep.any():
            return None
        p_b = _p_b(self.preferences)[keep]
        return Preferences(tuple(arms), prompt[keep], a[keep], b[keep], p_b, np.ones(len(p_b), np.float32))

    def hashes(self) -> dict[str, str]:
        """The sha256 of each table's content; who wrote the parquet file, and how, does not matter.

        Columns count by name, not by position; the order of rows counts.
        """
        return {name: _content_hash(table) for name, table in self.tables().items()}

    def tables(self) -> dict[str, pa.Table]:
        """The tables there are, by the name of their file."""
        named = {"prompts": self.prompts, "labels": self.labels, "preferences": self.preferences}
        return {name: table for name, table in named.items() if table is not None}

    def voted_models(self) -> set[str]:
        """The models that votes name; none without votes."""
        if self.preferences is None:
            return set()
        return {*distinct(self.preferences, "model_a"), *distinct(self.preferences, "model_b")}


def read_labels(folder: Path) -> LabelSet:
    """The label set in a folder: `prompts.parquet`, `labels.parquet`, optional `preferences.parquet`.

    Raises:
        LabelError: a file is missing or is no parquet file, or a row breaks a rule of `LabelSet`.
    """
    preferences = folder / "preferences.parquet"
    return LabelSet(
        _read(folder / "prompts.parquet"),
        _read(folder / "labels.parquet"),
        _read(preferences) if preferences.exists() else None,
    )


def write_labels(labels: LabelSet, folder: Path) -> None:
    """Write a label set; each file appears whole or not at all, and votes no longer there are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {folder / f"{name}.parquet": table for name, table in labels.tables().items()}
    try:
        for path, table in written.items():
            pq.write_table(table, _unfinished(path))
        for path in written:
            _unfinished(path).replace(path)
    finally:
        for path in written:
            _unfinished(path).unlink(missing_ok=True)
    if labels.preferences is None:
        (folder / "preferences.parquet").unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_suffix(".unfinished")


def _read(path: Path) -> pa.Table:
    try:
        return pq.read_table(path)
    except FileNotFoundError as error:
        there = sorted(file.name for file in path.parent.iterdir()) if path.parent.is_dir() else "no folder"
        raise LabelError(
            f"{path} not found; a label set is a folder with prompts.parquet and labels.parquet; there: {there}"
        ) from error
    except pa.ArrowInvalid as error:
        raise LabelError(f"{path} cannot be read as parquet: {error}") from error


def _routing_text(prompts: pa.Table, row: int, messages: Any, prompt: str | None) -> str:
    try:
        chat = orjson.loads(messages) if isinstance(messages, str) else messages
        return routing_text(prompt or "" if chat is None else chat)
    except ValueError as error:
        raise refuse_row("prompts", prompts, row, str(error)) from error


def _known(models: Sequence[str], there: Sequence[str] | set[str]) -> None:
    unknown = sorted(set(models) - set(there))
    if unknown:
        raise LabelError(f"unknown models {unknown}; models in this label set: {sorted(there)}")


def _mean_per_cell(values: Floats, cell: NDArray[np.int64], shape: tuple[int, int]) -> Floats:
    known = ~np.isnan(values)
    cells = shape[0] * shape[1]
    total = np.bincount(cell[known], weights=values[known], minlength=cells)
    count = np.bincount(cell[known], minlength=cells)
    mean = np.full(cells, np.nan)
    mean[count > 0] = total[count > 0] / count[count > 0]
    return mean.reshape(shape)


def _samples(labels: pa.Table, cell: NDArray[np.int64], shape: tuple[int, int]) -> Floats:
    kinds, sample = np.unique(sample_numbers(labels), return_inverse=True)
    samples = np.full((shape[0] * shape[1], max(1, len(kinds))), np.nan, np.float32)
    samples[cell, sample] = numbers(labels, "quality")
    return samples.reshape(*shape, -1)


def _p_b(preferences: pa.Table) -> Floats:
    by_winner = np.array([0.0, 1.0, 0.5])[codes(preferences, "winner", WINNERS)]
    given = numbers(preferences, "p_b")
    return np.where(np.isnan(given), by_winner, given).astype(np.float32)


def _content_hash(table: pa.Table) -> str:
    digest = hashlib.sha256()
    for name in sorted(table.column_names):
        column = table[name]
        # an integer column with nulls comes back from pandas as floating: both count as the same numbers
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            column = pc.cast(column, pa.float64(), safe=False)
        digest.update(orjson.dumps([name, column.to_pylist()], default=repr))
    return digest.hexdigest()
