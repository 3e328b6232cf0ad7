"""From how sure an answer looks to how likely it is right, so that one threshold means the same for every model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.calibration.platt import Platt
from anabranch.routers.deferral.signal_maps import Sigmoid, SignalMap, Steps
from anabranch.training.replay.post_hoc import folds_of

Floats = NDArray[np.float64]
Form = Literal["isotonic", "platt"]

ENOUGH = {"isotonic": 200, "platt": 30}
"""Answers that a model needs for a map of its own: a free shape needs more than two numbers do."""


@dataclass(frozen=True, eq=False)
class CalibratedSignal:
    """A signal as chances of being right.

    Args:
        name: of the signal that is read.
        chance: float32 [N, M, R], for `ReplayTable.with_signal`: of each answer by a map that never saw its prompt, so
            that thresholds may be fitted on the same prompts. NaN where the signal is unknown.
        maps: what serving computes, one a model, fitted on all prompts.
    """

    name: str
    chance: NDArray[np.float32]
    maps: tuple[SignalMap, ...]

    def on(self, table: ReplayTable) -> NDArray[np.float32]:
        """Chances [N, M, R] of a table of the same models with other prompts, by the maps that serving computes.

        Raises:
            ValueError: the signal is not in the table, or its models are not as many.
        """
        signal = _signal(table, self.name)
        if signal.shape[1] != len(self.maps):
            raise ValueError(
                f"{signal.shape[1]} models; the signal was calibrated for {len(self.maps)}, in their order"
            )
        return _mapped(self.maps, signal)


def calibrate_signal(
    table: ReplayTable,
    signal: str,
    form: Form = "isotonic",
    *,
    right: float | None = None,
    enough: int | None = None,
    folds: int = 5,
    seed: int = 0,
) -> CalibratedSignal:
    """Fit one non-decreasing map a model from a signal to the chance that its answer is right.

    A signal that is lower the surer the answer must be negated first: against the grain there is only a constant.
    "isotonic" (Zadrozny and Elkan 2002) reads nothing but the order of signals, so any strictly increasing change of
    them changes no chance. "platt" (Platt 1999) is a sigmoid of the signal itself.

    Args:
        table: N prompts, M models, R samples.
        signal: its name; higher is surer.
        form: of the maps.
        right: the quality from which an answer is right; if None, quality is the chance itself.
        enough: known answers that a model needs for a map of its own, below them it gets that of all models together;
            200 for isotonic and 30 for platt if None.
        folds: parts of the prompts, equal texts in one, each mapped by what was fitted on the others.
        seed: of the parts.

    Raises:
        ValueError: the signal is not in the table, there are fewer than two folds or fewer prompts than folds, or a
            fold has nothing to learn from.
    """
    given, fit = _signal(table, signal), _FITS[form]
    observed = table.quality.astype(np.float64)
    if right is not None:
        observed = np.where(np.isnan(observed), np.nan, observed >= right)
    least = max(1, ENOUGH[form] if enough is None else enough)
    fold = folds_of(table.texts, folds, seed)
    chance = np.full(given.shape, np.nan, np.float32)
    for part in range(folds):
        held_out = fold == part
        maps = _maps(given[~held_out], observed[~held_out], fit, least)
        chance[held_out] = _mapped(maps, given[held_out])
    return CalibratedSignal(signal, chance, _maps(given, observed, fit, least))


def _signal(table: ReplayTable, name: str) -> Floats:
    if name not in table.signals:
        raise ValueError(f"unknown signal {name!r}; signals of the table: {sorted(table.signals)}")
    return np.asarray(table.signals[name], np.float64)


def _mapped(maps: tuple[SignalMap, ...], signal: Floats) -> NDArray[np.float32]:
    return np.stack([one(signal[:, model]) for model, one in enumerate(maps)], axis=1)


def _maps(
    given: Floats, observed: Floats, fit: Callable[[Floats, Floats], SignalMap], enough: int
) -> tuple[SignalMap, ...]:
    """One a model, from cells [n, M, R]."""
    known = np.isfinite(given) & ~np.isnan(observed)
    if not known.any():
        raise ValueError("a fold has nothing to learn from: no answer outside of it has both the signal and a quality")
    own = [known[:, model] for model in range(given.shape[1])]
    few = any(cells.sum() < enough for cells in own)
    shared = [fit(given[known], observed[known])] if few else []
    return tuple(
        fit(given[:, model][cells], observed[:, model][cells]) if cells.sum() >= enough else shared[0]
        for model, cells in enumerate(own)
    )


def _isotonic(given: Floats, observed: Floats) -> Steps:
    """By pool-adjacent-violators; given and observed are (n,)."""
    signals, place = np.unique(given, return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    chances = isotonic_regression(np.bincount(place, observed) / weight, sample_weight=weight).clip(0.0, 1.0)
    rises = np.append(True, np.diff(chances) > 0)
    return Steps(tuple(signals[rises].tolist()), tuple(chances[rises].tolist()))


def _platt(given: Floats, observed: Floats) -> Sigmoid:
    """With Platt's targets, and no slope below 0; given and observed are (n,)."""
    platt = Platt(arms=1, kind="score", enough=1)
    platt.fit(torch.from_numpy(given)[:, None], torch.from_numpy(observed)[:, None])
    return Sigmoid(platt.slope.item(), platt.shift.item())


_FITS: dict[Form, Callable[[Floats, Floats], SignalMap]] = {"isotonic": _isotonic, "platt": _platt}
