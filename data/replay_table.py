"""Recorded answers as dense arrays: what models said, not only how good it was."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from anabranch.data.columns import codes, numbers, strings
from anabranch.data.label_rules import sample_numbers
from anabranch.data.labelset import LabelSet
from anabranch.data.outcomes import Floats
from anabranch.data.split_rows import split_rows
from anabranch.data.token_signals import RECORDED, signals_of_record

KeyOf = Callable[[str, str], str | None]
"""A prompt's name and a response to the canonical answer, None if the response gives none."""

_PER_PROMPT = ("prompt_ids", "texts", "tasks", "splits")
_CELLS = ("quality", "cost_usd", "latency_s", "key")
NO_KEY = -1


@dataclass(frozen=True, eq=False)
class ReplayTable:
    """What M models answered to N prompts, up to R samples each.

    Args:
        models: M names.
        prompt_ids: N unique names.
        texts: N routing texts.
        tasks: N task names.
        splits: N split names.
        quality: float32 [N, M, R] in [0, 1]; NaN where no answer with a quality is recorded.
        cost_usd: float64 [N, M, R]; NaN if unknown.
        latency_s: float32 [N, M, R]; NaN if unknown.
        key: int64 [N, M, R]; equal numbers on one prompt say the same, -1 gives no answer.
        signals: float32 [N, M, R] a name; NaN if unknown.
        responses: object [N, M, R], the texts of the answers, "" where none is recorded; None where no text is.

    Raises:
        ValueError: a shape is not that of the others.
    """

    models: tuple[str, ...]
    prompt_ids: tuple[str, ...]
    texts: tuple[str, ...]
    tasks: tuple[str, ...]
    splits: tuple[str, ...]
    quality: Floats
    cost_usd: Floats
    latency_s: Floats
    key: NDArray[np.int64]
    signals: Mapping[str, Floats] = field(default_factory=dict)
    responses: NDArray[np.object_] | None = None

    def __post_init__(self) -> None:
        shape = (len(self.prompt_ids), len(self.models), self.quality.shape[-1])
        named = {"quality": self.quality, "cost_usd": self.cost_usd, "latency_s": self.latency_s, "key": self.key}
        for name, array in {**named, **self.signals, "responses": self.responses}.items():
            if array is not None and array.shape != shape:
                raise ValueError(f"{name} has shape {array.shape}; prompts x models x samples is {shape}")

    @classmethod
    def from_arrays(
        cls,
        models: Sequence[str],
        quality: ArrayLike,
        *,
        cost_usd: ArrayLike | None = None,
        latency_s: ArrayLike | None = None,
        key: ArrayLike | None = None,
        signals: Mapping[str, ArrayLike] | None = None,
        texts: Sequence[str] | None = None,
        responses: ArrayLike | None = None,
    ) -> Self:
        """A table from arrays [N, M] or [N, M, R]; what is not given is unknown, prompts are named by number.

        >>> ReplayTable.from_arrays(["small", "large"], [[0.0, 1.0]], cost_usd=[[1, 5]]).quality.shape
        (1, 2, 1)
        """
        scores = _sampled(quality, np.float32)

        def cells(values: ArrayLike | None, kind: type[np.floating]) -> Floats:
            return np.full(scores.shape, np.nan, kind) if values is None else _sampled(values, kind)

        rows = range(len(scores))
        return cls(
            models=tuple(models),
            prompt_ids=tuple(f"p{row}" for row in rows),
            texts=tuple(texts or (f"prompt {row}" for row in rows)),
            tasks=("all",) * len(scores),
            splits=("train",) * len(scores),
            quality=scores,
            cost_usd=cells(cost_usd, np.float64),
            latency_s=cells(latency_s, np.float32),
            key=np.full(scores.shape, NO_KEY, np.int64) if key is None else _sampled(key, np.int64),
            signals={name: _sampled(values, np.float32) for name, values in (signals or {}).items()},
            responses=None if responses is None else _sampled(responses, np.object_),
        )

    def __len__(self) -> int:
        return len(self.prompt_ids)

    @property
    def recorded(self) -> NDArray[np.bool_]:
        """Which answers are there, [N, M, R]."""
        return ~np.isnan(self.quality)

    def take(self, rows: ArrayLike) -> Self:
        """The prompts at `rows` (indices or a mask [N]), in that order."""
        index = np.arange(len(self))[np.asarray(rows)]
        named: dict[str, Any] = {name: tuple(getattr(self, name)[row] for row in index) for name in _PER_PROMPT}
        cells = {name: getattr(self, name)[index] for name in _CELLS}
        signals = {name: each[index] for name, each in self.signals.items()}
        responses = None if self.responses is None else self.responses[index]
        return replace(self, **named, **cells, signals=signals, responses=responses)

    def with_signal(self, name: str, values: ArrayLike) -> Self:
        """The same with one more signal, [N, M] or [N, M, R]."""
        return replace(self, signals={**self.signals, name: _sampled(values, np.float32)})

    def split(self, name: str) -> Self:
        """The prompts of one split.

        Raises:
            ValueError: there is none.
        """
        return self.take(split_rows(self.splits, name))


def replay_table(labels: LabelSet, models: Sequence[str] | None = None, key_of: KeyOf | None = None) -> ReplayTable:
    """The recorded answers of a label set.

    What was recorded of log-probabilities becomes the signals of `anabranch.data.token_signals`; one that no answer has
    is not there.

    Args:
        labels: N prompts.
        models: M names; every model with labels, sorted, if None.
        key_of: reads the canonical answer out of a response, see `anabranch.data.answer_keys`; without it no two
            answers are known to be equal.

    Raises:
        ValueError: a model has no labels.
    """
    arms = tuple(models or labels.arms())
    unknown = sorted(set(arms) - set(labels.arms()))
    if unknown:
        raise ValueError(f"unknown models {unknown}; models with labels: {sorted(labels.arms())}")
    model = codes(labels.labels, "model", arms)
    rows = labels.labels.filter(pa.array(model >= 0))
    samples, sample = np.unique(sample_numbers(rows), return_inverse=True)
    shape = (len(labels.prompt_ids), len(arms), len(samples))
    cell = (codes(rows, "prompt_id", labels.prompt_ids), model[model >= 0], sample)

    def laid(values: NDArray[np.float64], kind: type[np.floating]) -> Floats:
        cells = np.full(shape, np.nan, kind)
        cells[cell] = values
        return cells

    key = np.full(shape, NO_KEY, np.int64)
    if key_of is not None:
        key[cell] = _keys(rows, key_of)
    return ReplayTable(
        models=arms,
        prompt_ids=labels.prompt_ids,
        texts=labels.texts,
        tasks=labels.tasks,
        splits=labels.splits,
        quality=laid(numbers(rows, "quality"), np.float32),
        cost_usd=laid(numbers(rows, "cost_usd"), np.float64),
        latency_s=laid(numbers(rows, "latency_s"), np.float32),
        key=key,
        signals={name: laid(values, np.float32) for name, values in _signals(rows).items()},
        responses=_responses(rows, cell, shape),
    )


def _sampled(values: ArrayLike, kind: type[Any]) -> NDArray[Any]:
    array: NDArray[Any] = np.array(values, kind)
    return array[:, :, None] if array.ndim == 2 else array


def _keys(rows: pa.Table, key_of: KeyOf) -> NDArray[np.int64]:
    """One number for each distinct answer; [rows]."""
    answers = zip(strings(rows, "prompt_id"), strings(rows, "response", default=""), strict=True)
    said = [key_of(prompt_id, text) for prompt_id, text in answers]
    number = {text: place for place, text in enumerate(sorted({text for text in said if text is not None}))}
    return np.array([NO_KEY if text is None else number[text] for text in said], np.int64)


def _responses(
    rows: pa.Table, cell: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]
) -> NDArray[np.object_] | None:
    if "response" not in rows.column_names:
        return None
    responses = np.full(shape, "", np.object_)
    responses[cell] = strings(rows, "response", default="")
    return responses


def _signals(rows: pa.Table) -> dict[str, NDArray[np.float64]]:
    if "logprob_stats" not in rows.column_names:
        return {}
    kept = rows.select(["logprob_stats"]).flatten()
    there = {name: f"logprob_stats.{name}" for name in RECORDED if f"logprob_stats.{name}" in kept.column_names}
    signals = signals_of_record({name: numbers(kept, column) for name, column in there.items()})
    return {name: values for name, values in signals.items() if not np.isnan(values).all()}
