"""Outcomes: what every arm achieved on every prompt, as dense read-only arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.split_rows import split_rows

Floats = NDArray[np.floating]
UsageKind = Literal["completion_tokens", "cost_usd", "unknown"]

_PER_PROMPT = ("prompt_ids", "texts", "tasks", "splits")
_CELLS = ("quality", "cost_usd", "prompt_tokens", "completion_tokens", "latency_s")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """What A arms achieved on N prompts; NaN marks a cell that is not known.

    Args:
        arms: A names, each a model or `model#n` (best of n samples).
        prompt_ids: N unique names.
        texts: N routing texts (`anabranch.data.routing_text`).
        tasks: N task names.
        splits: N split names: train, validation or test.
        quality: float32 [N, A] in [0, 1], the mean over samples.
        cost_usd: float64 [N, A], USD a request, at least 0.
        prompt_tokens: float32 [N, A].
        completion_tokens: float32 [N, A].
        latency_s: float32 [N, A], seconds.
        samples: float32 [N, A, R], quality of each sample; R = 1 is `quality` itself.

    Raises:
        ValueError: a shape, range or name breaks the rules above.

    >>> table = Outcomes.from_arrays(["small", "large"], [[0.0, 1.0], [1.0, 1.0]], cost_usd=[[1, 5], [1, 5]])
    >>> table.quality.mean(axis=0).tolist()
    [0.5, 1.0]
    """

    arms: tuple[str, ...]
    prompt_ids: tuple[str, ...]
    texts: tuple[str, ...]
    tasks: tuple[str, ...]
    splits: tuple[str, ...]
    quality: Floats
    cost_usd: Floats
    prompt_tokens: Floats
    completion_tokens: Floats
    latency_s: Floats
    samples: Floats

    def __post_init__(self) -> None:
        shape = (len(self.prompt_ids), len(self.arms))
        for name in _PER_PROMPT:
            if len(getattr(self, name)) != shape[0]:
                raise ValueError(f"{name} has {len(getattr(self, name))} entries for {shape[0]} prompts")
        for name in _CELLS:
            _freeze(name, getattr(self, name), shape)
        _freeze("samples", self.samples, (*shape, self.samples.shape[-1]))
        _unique("arms", self.arms)
        _unique("prompt_ids", self.prompt_ids)
        _in_range("quality", self.quality, 1.0)
        _in_range("samples", self.samples, 1.0)
        for name in _CELLS[1:]:
            _in_range(name, getattr(self, name), np.inf)

    @classmethod
    def from_arrays(
        cls,
        arms: Sequence[str],
        quality: ArrayLike,
        *,
        cost_usd: ArrayLike | None = None,
        completion_tokens: ArrayLike | None = None,
        samples: ArrayLike | None = None,
        texts: Sequence[str] | None = None,
        tasks: Sequence[str] | None = None,
        splits: Sequence[str] | None = None,
    ) -> Self:
        """Build a table from arrays [N, A]; what is not given is unknown, prompts are named by number."""
        scores = np.array(quality, dtype=np.float32)
        rows = range(len(scores))

        def cells(values: ArrayLike | None, dtype: type[np.floating]) -> Floats:
            return np.full(scores.shape, np.nan, dtype) if values is None else np.array(values, dtype)

        return cls(
            arms=tuple(arms),
            prompt_ids=tuple(f"p{i}" for i in rows),
            texts=tuple(texts or (f"prompt {i}" for i in rows)),
            tasks=tuple(tasks or ("all" for _ in rows)),
            splits=tuple(splits or ("train" for _ in rows)),
            quality=scores,
            cost_usd=cells(cost_usd, np.float64),
            prompt_tokens=cells(None, np.float32),
            completion_tokens=cells(completion_tokens, np.float32),
            latency_s=cells(None, np.float32),
            samples=scores[:, :, None] if samples is None else np.array(samples, np.float32),
        )

    def __len__(self) -> int:
        return len(self.prompt_ids)

    @property
    def usage_kind(self) -> UsageKind:
        """The usage known on at least half of the labelled cells; tokens win, as they can be repriced."""
        labelled = ~np.isnan(self.quality)
        kinds: tuple[UsageKind, ...] = ("completion_tokens", "cost_usd")
        for kind in kinds:
            known = ~np.isnan(getattr(self, kind)) & labelled
            if known.sum() * 2 >= labelled.sum() > 0:
                return kind
        return "unknown"

    def usage(self, kind: UsageKind) -> Floats:
        """The usage an estimator learns, float32 [N, A]; all NaN if the kind is unknown."""
        if kind == "unknown":
            return np.full(self.quality.shape, np.nan, np.float32)
        return np.array(getattr(self, kind), np.float32)

    @property
    def task_names(self) -> tuple[str, ...]:
        """The tasks there are, in alphabetical order."""
        return tuple(sorted(set(self.tasks)))

    def task_numbers(self, names: Sequence[str]) -> NDArray[np.int64]:
        """Each prompt's place among `names`, [N]; -1 if its task is none of them.

        >>> table = Outcomes.from_arrays(["a"], [[1.0], [0.0]], tasks=["sums", "rhymes"])
        >>> table.task_numbers(["rhymes"]).tolist()
        [-1, 0]
        """
        place = {name: at for at, name in enumerate(names)}
        return np.array([place.get(task, -1) for task in self.tasks], dtype=np.int64)

    @property
    def has_cost(self) -> bool:
        """Whether any cell knows its cost in USD."""
        return bool((~np.isnan(self.cost_usd)).any())

    def take(self, rows: ArrayLike) -> Self:
        """The prompts at `rows` (indices or a mask [N]), in that order."""
        index = _rows(rows, len(self))
        kept: dict[str, Any] = {name: tuple(getattr(self, name)[i] for i in index) for name in _PER_PROMPT}
        return replace(self, **kept, **{name: getattr(self, name)[index] for name in (*_CELLS, "samples")})

    def split(self, name: str) -> Self:
        """The prompts of one split.

        Raises:
            ValueError: no prompt carries that name; the message lists the splits there are.
        """
        return self.take(split_rows(self.splits, name))

    def with_splits(self, splits: Sequence[str]) -> Self:
        """The same outcomes under other split names (N of them)."""
        return replace(self, splits=tuple(splits))

    def select(self, models: Sequence[str]) -> Self:
        """The arms named, in that order.

        Raises:
            ValueError: a name is not an arm; the message lists the arms there are.
        """
        unknown = [name for name in models if name not in self.arms]
        if unknown:
            raise ValueError(f"unknown models {unknown}; models with labels: {sorted(self.arms)}")
        columns = [self.arms.index(name) for name in models]
        cells: dict[str, Any] = {name: getattr(self, name)[:, columns] for name in (*_CELLS, "samples")}
        return replace(self, arms=tuple(models), **cells)

    def append_arms(self, other: "Outcomes") -> Self:
        """Both tables' arms side by side; they must hold the same prompts."""
        if other.prompt_ids != self.prompt_ids:
            raise ValueError("arms can only be appended from a table of the same prompts")
        width = max(self.samples.shape[2], other.samples.shape[2])
        cells: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)], axis=1) for name in _CELLS
        }
        samples = np.concatenate([_pad(self.samples, width), _pad(other.samples, width)], axis=1)
        return replace(self, arms=self.arms + other.arms, **cells, samples=samples)


def _rows(rows: ArrayLike, count: int) -> NDArray[np.int64]:
    chosen = np.asarray(rows)
    index: NDArray[np.int64] = np.arange(count)[chosen if chosen.size else chosen.astype(np.int64)]
    return index


def _pad(samples: Floats, width: int) -> Floats:
    missing = width - samples.shape[2]
    return np.pad(samples, ((0, 0), (0, 0), (0, missing)), constant_values=np.nan)


def _freeze(name: str, array: Floats, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}; prompts x arms is {shape}")
    array.setflags(write=False)


def _unique(name: str, values: tuple[str, ...]) -> None:
    if len(set(values)) != len(values):
        twice = sorted({value for value in values if values.count(value) > 1})
        raise ValueError(f"{name} must be unique; given twice: {twice[:5]}")


def _in_range(name: str, array: Floats, top: float) -> None:
    bad = (array < 0) | (array > top)
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(f"{name}{list(where)} is {array[where]}; it must lie in [0, {top:g}]")
