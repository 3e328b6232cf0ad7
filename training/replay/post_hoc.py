"""Post-hoc deferral: learn from what is seen of one model's answer how much better the next model would answer.

Confidence alone is enough only where the next model errs about equally on all prompts (Jitkrittum et al. 2023, arXiv
2307.02764). Which signals to read is after Gupta et al. 2024, arXiv 2404.10136. `AffineGain` or `NetworkGain` learns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.affine_signal import AffineSignal
from anabranch.routers.deferral.post_hoc_signal import PostHocRule
from anabranch.routers.policies.draws import draws
from anabranch.training.metrics.pair import pair_curve
from anabranch.training.replay.affine_gain import AffineGain
from anabranch.training.replay.lessons import Bools, LearnGain, Lessons

Floats = NDArray[np.float64]
Target = Literal["difference", "diff-01", "diff-prob", "max-prob"]

RIGHT = 0.5
"""Quality from which an answer is right, for "diff-01"."""

PROBABILITIES: tuple[Target, ...] = ("diff-prob", "max-prob")
"""Targets for which the first signal must be a chance."""

_AFFINE = AffineGain()


@dataclass(frozen=True, eq=False)
class PostHoc:
    """The better of a learned signal and plain confidence.

    Args:
        kept: which of them.
        signal: float64 [N, M, R]: of each answer by a rule that never saw its prompt; NaN for other models.
        rule: what serving computes, learned on all prompts.
        learned_area: mean quality over all shares of deferred prompts, by the learned signal.
        confidence_area: the same by plain confidence.
    """

    kept: Literal["learned", "confidence"]
    signal: Floats
    rule: PostHocRule
    learned_area: float
    confidence_area: float


class _Answers(NamedTuple):
    """The first model's answers whose gain is known: both qualities and weight [C], with the cell of each."""

    cell: tuple[NDArray[np.intp], ...]
    weak: Floats
    strong: Floats
    weight: Floats


def learn_deferral(
    table: ReplayTable,
    first: int,
    following: int,
    signals: Sequence[str],
    *,
    estimates: Floats | None = None,
    target: Target = "difference",
    learn: LearnGain = _AFFINE,
    folds: int = 5,
    seed: int = 0,
) -> PostHoc:
    """Learn when to go on from one model to the next, and keep it if it beats the first of the signals by itself.

    Both are compared where they were not learned: each prompt is scored by a rule learned on the other folds, equal
    texts being in one fold. Thresholds may therefore be fitted on the signal that is returned.

    Args:
        table: N prompts.
        first: number of the model that has answered.
        following: number of the model that would be called next.
        signals: names of what is seen of the first model's answer; the first one is the plain confidence.
        estimates: float [N, M], a router's quality of each model; those of both are features too.
        target: the gain: a difference of qualities; of being right (Diff-01, quality from 0.5 on); of the chance given
            to the right answer (Diff-Prob), which is known of an answer that is right and counts as 0 for others; or of
            confidence (MaxProb), for which no quality is needed. The last two take the first signal for that chance.
        learn: how the gain is learned.
        folds: parts of the prompts, each left out once.
        seed: of the parts, and of what the learning draws.

    Raises:
        ValueError: no signal is given or one is not in the table, there are fewer than two folds or fewer prompts than
            folds, a fold has nothing to learn from, or the first signal is no chance and the target needs one.
    """
    if not signals:
        raise ValueError(f"no signals; the first one is the plain confidence. Signals: {sorted(table.signals)}")
    read = () if estimates is None else (first, following)
    features = _features(table, first, signals, read, estimates)
    fold = folds_of(table.texts, folds, seed)
    gain = _gain(table, first, following, target, signals[0])
    answers = _answers(table, first, following, ~np.isnan(gain))
    row, texts = answers.cell[0], np.array(table.texts, np.object_)
    lessons = Lessons(tuple(signals), read, features[answers.cell], gain[answers.cell], answers.weight, texts[row])
    # the last rule learns from all
    taught = np.arange(folds + 1)[:, None] != fold[row]  # (folds + 1, C)
    *rules, final = learn(*_teaching(lessons, taught), seed)
    unseen = np.full(features.shape[:2], np.nan)
    for part, rule in enumerate(rules):
        unseen[fold == part] = rule(features[fold == part])
    areas = [_area(signal[answers.cell], answers) for signal in (unseen, features[..., 0])]
    if areas[0] > areas[1]:
        return PostHoc("learned", _laid(unseen, table, first), final, *areas)
    plain = AffineSignal((signals[0],), (), (0.0,), (1.0,), 0.0)
    return PostHoc("confidence", signal_of(plain, table, first), plain, *areas)


def signal_of(rule: PostHocRule, table: ReplayTable, model: int, estimates: Floats | None = None) -> Floats:
    """The signal of every answer of a model, for `ReplayTable.with_signal`.

    Args:
        rule: see `learn_deferral`.
        table: N prompts, M models, R samples.
        model: its number; the answers of others get NaN.
        estimates: float [N, M], a router's quality.

    Raises:
        ValueError: a signal is not in the table, or estimates are needed and not given.
    """
    return _laid(rule(_features(table, model, rule.signals, rule.estimates, estimates)), table, model)


def deferral_area(signal: ArrayLike, first: ArrayLike, following: ArrayLike, weights: ArrayLike | None = None) -> float:
    """Mean quality over all shares of deferred prompts, the least sure being deferred first.

    Args:
        signal: [N], higher is surer; NaN is deferred before all others, equal ones in random order.
        first: [N], quality of the first model; NaN leaves the prompt out.
        following: [N], quality of the next model; NaN leaves the prompt out.
        weights: [N], how often each prompt counts; once if None.

    >>> deferral_area([0.9, 0.1], first=[1.0, 0.0], following=[1.0, 1.0])
    0.875
    """
    ranks = np.unique(np.asarray(signal, np.float64), return_inverse=True)[1]
    unsure = np.where(np.isnan(signal), 1, -ranks)
    share, quality = pair_curve(unsure, first, following, weights)
    return float(np.trapezoid(quality, share))


def folds_of(texts: Sequence[str], folds: int, seed: int = 0) -> NDArray[np.int64]:
    """A part for each of N prompts, from 0; by their texts only, so that equal texts and any order get equal parts.

    Raises:
        ValueError: there are fewer than two folds, or fewer distinct texts than folds.

    >>> folds_of(["a", "b", "a", "c"], 3).tolist()
    [1, 2, 1, 0]
    """
    distinct, place = np.unique(draws(texts, seed), return_inverse=True)
    if not 2 <= folds <= len(distinct):
        raise ValueError(
            f"{folds} folds of {len(distinct)} distinct prompts; there must be 2 or more, none of them empty"
        )
    return np.asarray(place % folds, np.int64)


def _features(
    table: ReplayTable, model: int, signals: Sequence[str], read: Sequence[int], estimates: Floats | None
) -> Floats:
    """What is seen of each answer of a model; [N, R, F]."""
    unknown = sorted(set(signals) - set(table.signals))
    if unknown:
        raise ValueError(f"unknown signals {unknown}; signals of the table: {sorted(table.signals)}")
    if read and estimates is None:
        raise ValueError("the signal reads a router's estimates; give them")
    columns = [table.signals[name][:, model].astype(np.float64) for name in signals]
    if estimates is not None:
        columns += [np.broadcast_to(estimates[:, [other]], columns[0].shape) for other in read]
    return np.stack(columns, axis=-1)


def _gain(table: ReplayTable, first: int, following: int, target: Target, confidence: str) -> Floats:
    """What going on from each of the first model's answers gains; [N, R], NaN where it is not known."""
    quality = table.quality.astype(np.float64)
    if target == "difference":
        worth = quality
    elif target == "diff-01":
        worth = np.where(np.isnan(quality), np.nan, quality >= RIGHT)
    else:
        chance = table.signals[confidence].astype(np.float64)
        if (chance < 0).any() or (chance > 1).any():
            raise ValueError(f"{target} compares chances, and {confidence!r} is none: calibrate it to [0, 1] first")
        worth = chance if target == "max-prob" else chance * quality
    return np.asarray(_mean_known(worth[:, following])[:, None] - worth[:, first])


def _answers(table: ReplayTable, first: int, following: int, known: Bools) -> _Answers:
    """Those of a mask [N, R]; a prompt weighs 1 in all."""
    cell = np.nonzero(known)
    quality = table.quality.astype(np.float64)
    weight = 1 / np.maximum(known.sum(axis=1), 1)
    strong = _mean_known(quality[:, following])
    return _Answers(cell, quality[:, first][cell], strong[cell[0]], weight[cell[0]])


def _mean_known(samples: Floats) -> Floats:
    known = ~np.isnan(samples)
    total, count = np.where(known, samples, 0.0).sum(axis=1), known.sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(len(samples), np.nan), where=count > 0))


def _teaching(lessons: Lessons, taught: Bools) -> tuple[Lessons, Bools]:
    """The answers whose features are all known, and which of them teach each of K rules."""
    known = np.asarray(np.isfinite(lessons.features).all(axis=1))
    if not taught[:, known].any(axis=1).all():
        raise ValueError("a fold has nothing to learn from: no answer outside of it has all its signals and qualities")
    return lessons.take(known), taught[:, known]


def _laid(signal: Floats, table: ReplayTable, model: int) -> Floats:
    """Signals [N, R] of one model's answers as a table's, [N, M, R]."""
    cells = np.full(table.quality.shape, np.nan)
    cells[:, model] = signal
    return cells


def _area(signal: Floats, answers: _Answers) -> float:
    return deferral_area(signal, answers.weak, answers.strong, answers.weight)
