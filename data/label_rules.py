"""The rules that a label set's tables keep, checked a whole column at a time."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as kinds
from numpy.typing import NDArray

from anabranch.data.columns import codes, distinct, numbers, strings

SPLITS = ("train", "validation", "test")
WINNERS = ("a", "b", "tie")

_IDENTITY = {
    "prompts": ("prompt_id",),
    "labels": ("prompt_id", "model"),
    "preferences": ("prompt_id", "model_a", "model_b"),
}
_REQUIRED = {
    "prompts": _IDENTITY["prompts"],
    "labels": (*_IDENTITY["labels"], "quality"),
    "preferences": (*_IDENTITY["preferences"], "winner"),
}
_TEXT = ("prompt_id", "prompt", "task", "split", "model", "model_a", "model_b", "winner")
_AMOUNTS = ("cost_usd", "prompt_tokens", "completion_tokens", "latency_s")
_NUMBERS = ("quality", "p_b", *_AMOUNTS)

_TWICE = "this row is given twice"

Mask = NDArray[np.bool_]


class LabelError(ValueError):
    """A label set breaks a rule; the message names the file, the row (counted from 0) and the rule."""


def check_prompts(prompts: pa.Table) -> None:
    """Refuse prompts without a name or text, named twice, or of an unknown split."""
    _check_columns("prompts", prompts)
    if prompts.num_rows == 0:
        raise LabelError("prompts.parquet is empty; a label set has at least one prompt")
    if not {"prompt", "messages"} & set(prompts.column_names):
        raise LabelError(f"prompts.parquet has no column 'prompt' or 'messages'; {_columns_of(prompts)}")
    _refuse("prompts", prompts, _repeats(codes(prompts, "prompt_id", distinct(prompts, "prompt_id"))), _TWICE)
    if "split" in prompts.column_names:
        _check_words("prompts", prompts, "split", SPLITS)


def check_labels(labels: pa.Table, prompts: pa.Table) -> None:
    """Refuse labels of unknown prompts, labels given twice, and numbers that cannot be."""
    _check_columns("labels", labels)
    prompt = _check_prompt_ids("labels", labels, prompts)
    _check_range("labels", labels, "quality", 1.0)
    for column in _AMOUNTS:
        _check_range("labels", labels, column, np.inf)
    models = distinct(labels, "model")
    samples, sample = np.unique(sample_numbers(labels), return_inverse=True)
    cell = (prompt * len(models) + codes(labels, "model", models)) * len(samples) + sample
    _refuse("labels", labels, _repeats(cell), _TWICE)


def check_preferences(preferences: pa.Table, prompts: pa.Table) -> None:
    """Refuse votes on unknown prompts or without a winner."""
    _check_columns("preferences", preferences)
    _check_prompt_ids("preferences", preferences, prompts)
    _check_words("preferences", preferences, "winner", WINNERS)
    _check_range("preferences", preferences, "p_b", 1.0)


def sample_numbers(labels: pa.Table) -> NDArray[np.int64]:
    """The sample each label belongs to, int64 [rows]; 0 where none is given."""
    if "sample" not in labels.column_names:
        return np.zeros(labels.num_rows, np.int64)
    return np.array(pc.fill_null(labels["sample"].cast(pa.int64()), 0).to_numpy(), np.int64)


def refuse_row(file: str, table: pa.Table, row: int, reason: str) -> LabelError:
    """The error that names one row of one file.

    >>> str(refuse_row("prompts", pa.table({"prompt_id": ["x"]}), 0, "no text to route on"))
    "prompts.parquet row 0 (prompt 'x'): no text to route on"
    """
    who = ", ".join(f"{name.removesuffix('_id')} {table[name][row].as_py()!r}" for name in _IDENTITY[file])
    return LabelError(f"{file}.parquet row {row} ({who}): {reason}")


def _check_columns(file: str, table: pa.Table) -> None:
    for column in _REQUIRED[file]:
        if column not in table.column_names:
            raise LabelError(f"{file}.parquet has no column {column!r}; {_columns_of(table)}")
    for field in table.schema:
        if field.name in _TEXT and not _is_text(field.type):
            raise LabelError(f"{file}.parquet column {field.name!r} has type {field.type}; it must be text")
        if field.name in _NUMBERS and not _is_number(field.type):
            raise LabelError(f"{file}.parquet column {field.name!r} has type {field.type}; it must be a number")
        if field.name == "sample" and not (kinds.is_integer(field.type) or kinds.is_null(field.type)):
            raise LabelError(f"{file}.parquet column 'sample' has type {field.type}; it must be a whole number")
    for column in _IDENTITY[file]:
        missing = table[column].is_null().to_numpy()
        _refuse(file, table, missing, f"{column} is missing")


def _columns_of(table: pa.Table) -> str:
    return f"columns there: {', '.join(table.column_names)}"


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if kinds.is_dictionary(kind) else kind
    tests = (kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_null)
    return any(test(inner) for test in tests)


def _is_number(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (kinds.is_integer, kinds.is_floating, kinds.is_null))


def _check_prompt_ids(file: str, table: pa.Table, prompts: pa.Table) -> NDArray[np.int64]:
    rows = codes(table, "prompt_id", strings(prompts, "prompt_id"))
    _refuse(file, table, rows < 0, "this prompt_id is not in prompts.parquet")
    return rows


def _check_words(file: str, table: pa.Table, column: str, known: Sequence[str]) -> None:
    words = strings(table, column, default=known[0] if file == "prompts" else "")
    bad = np.array([word not in known for word in words], dtype=bool)
    choices = f"{', '.join(known[:-1])} or {known[-1]}"
    _refuse(file, table, bad, lambda row: f"{column} is {words[row]!r}; it must be {choices}")


def _check_range(file: str, table: pa.Table, column: str, top: float) -> None:
    values = numbers(table, column)
    known = np.zeros(len(values), bool)
    if column in table.column_names:
        known = ~table[column].is_null().to_numpy()
    bad = known & ~((values >= 0) & (values <= top) & np.isfinite(values))
    limits = f"[0, {top:g}]" if np.isfinite(top) else "[0, infinity)"
    _refuse(file, table, bad, lambda row: f"{column} {values[row]:g} is outside {limits}")


def _repeats(keys: NDArray[np.int64]) -> Mask:
    repeated = np.ones(len(keys), bool)
    repeated[np.unique(keys, return_index=True)[1]] = False
    return repeated


def _refuse(file: str, table: pa.Table, bad: Mask, reason: str | Callable[[int], str]) -> None:
    if not bad.any():
        return
    row, others = int(np.argmax(bad)), int(bad.sum()) - 1
    said = reason if isinstance(reason, str) else reason(row)
    raise refuse_row(file, table, row, said + (f" (and {others} more like it)" if others else ""))
