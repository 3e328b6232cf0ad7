"""Threshold chains over recorded answers, many settings at once.

It says what `replay` says of a `ThresholdChain`, without a step of Python for each prompt.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.training.replay.executor import NotReplayable, sample_order

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Stages = NDArray[np.int64]

CELLS_AT_ONCE = 2**22


@dataclass(frozen=True, eq=False)
class ChainOutcomes:
    """What a chain of L models gives on N prompts, for whichever stage it stops at.

    Args:
        confidence: float64 [N, L - 1], how sure each answer but the last looks; NaN is not sure.
        quality: float64 [N, L]; NaN where no answer is recorded.
        spent_usd: float64 [N, L], of all calls up to and including that stage; NaN if unknown.

    Raises:
        ValueError: the shapes do not fit together.
    """

    confidence: Floats
    quality: Floats
    spent_usd: Floats

    def __post_init__(self) -> None:
        shape = self.quality.shape
        if len(shape) != 2 or 0 in shape:
            raise ValueError(f"quality has shape {shape}; it must be prompts x stages, at least one of each")
        if self.spent_usd.shape != shape or self.confidence.shape != (shape[0], shape[1] - 1):
            raise ValueError(
                f"confidence {self.confidence.shape} and cost {self.spent_usd.shape} do not fit quality {shape}: "
                "every stage has a cost, and all but the last a confidence"
            )

    @classmethod
    def of_calls(cls, confidence: ArrayLike, quality: ArrayLike, cost_usd: ArrayLike) -> Self:
        """From what each call costs by itself, [N, L].

        >>> ChainOutcomes.of_calls([[0.9]], [[1.0, 1.0]], [[1.0, 5.0]]).spent_usd.tolist()
        [[1.0, 6.0]]
        """
        spent = np.cumsum(np.asarray(cost_usd, np.float64), axis=1)
        return cls(np.asarray(confidence, np.float64), np.asarray(quality, np.float64), spent)

    def __len__(self) -> int:
        return len(self.quality)

    def take(self, rows: ArrayLike) -> Self:
        """The prompts at `rows` (indices or a mask [N])."""
        index = np.asarray(rows)
        return type(self)(self.confidence[index], self.quality[index], self.spent_usd[index])


@dataclass(frozen=True, eq=False)
class Calls:
    """One call of each of M models on N prompts; chains are made of them.

    Args:
        confidence: float64 [N, M], how sure the answer looks; NaN is not sure.
        quality: float64 [N, M]; NaN where no answer is recorded.
        cost_usd: float64 [N, M], of the call; NaN if unknown.
    """

    confidence: Floats
    quality: Floats
    cost_usd: Floats

    def __len__(self) -> int:
        return len(self.quality)

    def chain(self, places: Sequence[int]) -> ChainOutcomes:
        """What a chain of these calls gives, in this order; L numbers of columns."""
        order = list(places)
        return ChainOutcomes.of_calls(self.confidence[:, order[:-1]], self.quality[:, order], self.cost_usd[:, order])


class Sweep(NamedTuple):
    """Means over prompts at each of T settings: all float64 [T]."""

    quality: Floats
    cost_usd: Floats


def recorded_calls(table: ReplayTable, models: Sequence[int], signal: str, seed: int = 0) -> Calls:
    """One call of each of these models on the prompts of a table, with the samples that `replay` would draw.

    Args:
        table: N prompts.
        models: M numbers; a model twice is two samples of it.
        signal: the name of the confidence.
        seed: of the draws among samples.

    Raises:
        ValueError: the table does not have the signal.
    """
    if signal not in table.signals:
        raise ValueError(f"unknown signal {signal!r}; signals of the table: {sorted(table.signals)}")
    rows = np.arange(len(table))
    order, known = sample_order(table, seed), table.recorded
    taken = np.zeros((len(table), len(models)), np.int64)
    there = np.zeros(taken.shape, bool)
    for place, model in enumerate(models):
        call = list(models[:place]).count(model)
        recorded = known[rows[:, None], model, order[:, model]]  # [N, R], as calls get them
        wanted = recorded & (np.cumsum(recorded, axis=1) == call + 1)
        taken[:, place] = order[rows, model, wanted.argmax(axis=1)]
        there[:, place] = wanted.any(axis=1)

    def cells(values: NDArray[np.floating]) -> Floats:
        found = values[rows[:, None], list(models), taken].astype(np.float64)
        return np.where(there, found, np.nan)

    return Calls(cells(table.signals[signal]), cells(table.quality), cells(table.cost_usd))


def chain_outcomes(table: ReplayTable, models: Sequence[int], signal: str, seed: int = 0) -> ChainOutcomes:
    """What a chain of these L models gives on the prompts of a table; see `recorded_calls`."""
    return recorded_calls(table, models, signal, seed).chain(range(len(models)))


def stages(outcomes: ChainOutcomes, thresholds: ArrayLike) -> Stages:
    """The stage, from 0, at which each prompt stops at each setting; int64 [N, T].

    Args:
        outcomes: N prompts, L stages.
        thresholds: float [T, L - 1]; a stage keeps its answer if the confidence reaches the threshold.

    >>> outcomes = ChainOutcomes.of_calls([[0.2], [0.9]], [[0.0, 1.0], [1.0, 1.0]], [[1.0, 5.0], [1.0, 5.0]])
    >>> stages(outcomes, [[-np.inf], [0.5], [np.inf]]).tolist()
    [[0, 1, 1], [0, 0, 1]]
    """
    levels = _levels(outcomes, thresholds)
    stage = np.zeros((len(levels), len(outcomes)), np.int64)
    on = np.ones(stage.shape, bool)
    for place, confidence in enumerate(outcomes.confidence.T):
        on &= ~(confidence >= levels[:, place, None])  # NaN reaches nothing
        stage += on
    return stage.T


def sweep(outcomes: ChainOutcomes, thresholds: ArrayLike) -> Sweep:
    """Mean quality and cost over the prompts at each of T settings, thresholds float [T, L - 1].

    Raises:
        NotReplayable: an answer that is not recorded is called for.

    >>> outcomes = ChainOutcomes.of_calls([[0.2], [0.9]], [[0.0, 1.0], [1.0, 1.0]], [[1.0, 5.0], [1.0, 5.0]])
    >>> [means.tolist() for means in sweep(outcomes, [[-np.inf], [0.5], [np.inf]])]
    [[0.5, 1.0, 1.0], [1.0, 3.5, 6.0]]
    """
    levels = _levels(outcomes, thresholds)
    width = max(1, CELLS_AT_ONCE // len(outcomes))
    parts = [_means(outcomes, levels[start : start + width]) for start in range(0, len(levels), width)]
    if not parts:
        return Sweep(np.empty(0), np.empty(0))
    return Sweep(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _means(outcomes: ChainOutcomes, levels: Floats) -> Sweep:
    stage = stages(outcomes, levels)
    _refuse_unrecorded(outcomes, stage.max(axis=1))
    quality = np.take_along_axis(outcomes.quality, stage, axis=1)
    spent = np.take_along_axis(outcomes.spent_usd, stage, axis=1)
    return Sweep(quality.mean(axis=0), spent.mean(axis=0))


def _levels(outcomes: ChainOutcomes, thresholds: ArrayLike) -> Floats:
    levels = np.asarray(thresholds, np.float64)
    places = outcomes.confidence.shape[1]
    if levels.ndim != 2 or levels.shape[1] != places:
        raise ValueError(f"thresholds have shape {levels.shape}; settings x {places} is needed for {places + 1} stages")
    return levels


def _refuse_unrecorded(outcomes: ChainOutcomes, deepest: Stages) -> None:
    """Raise if one of the stages up to `deepest` [N] has no answer."""
    called = np.arange(outcomes.quality.shape[1]) <= deepest[:, None]
    holes = np.argwhere(called & np.isnan(outcomes.quality))
    if len(holes):
        row, stage = holes[0]
        raise NotReplayable(
            f"no answer of stage {stage + 1} is recorded on prompt {row} (and {len(holes) - 1} more cells); "
            "collect it, or leave the model or the prompt out"
        )
