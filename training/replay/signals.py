"""Signals read from several answers together, as arrays for `ReplayTable.with_signal`.

Such a signal is honest only for a policy that has called, and paid for, every answer it is read from: the replay
charges a call for the answer that carries the signal, not for those it was compared with. Online nothing computes
these arrays. There a policy counts the keys of its candidates (`anabranch.routers.deferral.votes`), as
`Consistency`, `SemanticAgreement` and the like do. Use the arrays to see what a signal is worth, to calibrate it, and
to fit thresholds of policies that do make all of those calls.

An answer without a key agrees with nothing, and still counts among those that were asked for.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.replay_table import NO_KEY, ReplayTable

Floats = NDArray[np.float64]
Measure = Literal["share", "entropy"]


def consistency(table: ReplayTable, measure: Measure = "share") -> Floats:
    """How far each model's samples say the same, in [0, 1], by keys; the same number for all samples of a model.

    Honest for a policy that has asked the model as often as samples are recorded: see the head of this file.

    Args:
        table: N prompts, M models, R samples.
        measure: "share" is that of the answer given most often, of all samples recorded; "entropy" is 1 less the
            entropy of the answers over its maximum, ln of the number of samples. One sample agrees with itself: 1 if it
            has a key, otherwise 0.

    Returns:
        Floats: [N, M, R], NaN where no answer is recorded.

    >>> table = ReplayTable.from_arrays(["owl"], np.ones((1, 1, 4)), key=[[[7, 7, 7, 5]]])
    >>> consistency(table)[0, 0].tolist(), consistency(table, "entropy")[0, 0].round(3).tolist()
    ([0.75, 0.75, 0.75, 0.75], [0.594, 0.594, 0.594, 0.594])
    """
    same, asked = _alike(table, by_model=True), np.maximum(table.recorded.sum(axis=2, keepdims=True), 1)
    found = same.max(axis=2, initial=0, keepdims=True) / asked
    if measure == "entropy":
        # the surprise at each sample's answer; without a key it is an answer of its own
        surprise = np.where(table.recorded, np.log(asked / np.maximum(same, 1)), 0.0).sum(axis=2, keepdims=True)
        found = np.where(asked > 1, np.maximum(1 - surprise / (asked * np.log(np.maximum(asked, 2))), 0.0), found)
    return np.where(table.recorded, found, np.nan)


def agreement(table: ReplayTable, among: Sequence[int] | None = None) -> Floats:
    """Of the other models' answers, how large a share says what an answer says, in [0, 1], by keys.

    Honest for a policy that has called those models, as often as samples are recorded: see the head of this file. For a
    chain, which asks one model after another, name in `among` those that come before.

    Args:
        table: N prompts, M models, R samples.
        among: numbers of the models whose answers are compared with; all if None. A model's own never are.

    Returns:
        Floats: [N, M, R], NaN where no answer is recorded, or no other.

    Raises:
        ValueError: a model is not in the table.

    >>> table = ReplayTable.from_arrays(["owl", "wren", "tit"], np.ones((1, 3)), key=[[7, 7, 5]])
    >>> agreement(table)[0, :, 0].tolist(), agreement(table, among=[0])[0, :, 0].tolist()
    ([0.5, 0.5, 0.0], [nan, 1.0, 0.0])
    """
    models = range(len(table.models)) if among is None else among
    unknown = sorted(set(models) - set(range(len(table.models))))
    if unknown:
        raise ValueError(f"models {unknown} are not in the table; it has {len(table.models)}, counted from 0")
    counted = np.isin(np.arange(len(table.models)), list(models))[:, None]  # (M, 1)
    same = _alike(table, counted, by_model=False) - _alike(table, counted, by_model=True)
    asked = (table.recorded & counted).sum(axis=2, keepdims=True)
    others = asked.sum(axis=1, keepdims=True) - asked
    share = same / np.maximum(others, 1)
    return np.where(table.recorded & (others > 0), share, np.nan)


def _alike(table: ReplayTable, counted: ArrayLike = True, *, by_model: bool) -> NDArray[np.int64]:
    """How many counted answers to the prompt, or of the model to it, have an answer's key; [N, M, R], 0 without one."""
    shape = table.key.shape
    group = np.arange(shape[0] * shape[1]).reshape(shape[0], shape[1], 1)
    if not by_model:
        group //= shape[1]
    keys, key = np.unique(table.key, return_inverse=True)
    said = table.recorded & (table.key != NO_KEY)
    _, place = np.unique((group * len(keys) + key.reshape(shape))[said], return_inverse=True)
    counts = np.bincount(place, weights=np.broadcast_to(counted, shape)[said])
    same = np.zeros(shape, np.int64)
    same[said] = counts[place]
    return same
