"""What is believed of how good each model's answer is, given estimates before any call and the signals of answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from anabranch.routers.deferral.state import Floats
from anabranch.routers.deferral.supermodel import movement, normal_draws

Key = tuple[int, tuple[int, ...]]
MOST_CACHED = 2048
FLAT = 1e-10  # what varies less, relative to the largest, says nothing


class Known(NamedTuple):
    """All that follows from which models were called and which of their signals are there, whatever they are.

    Args:
        gain: float64 [M, s], how the means follow the s signals.
        covariance: float64 [M, M], of how the means will still move once more models are called.
        moves: float64 [M, P], draws of that.
    """

    gain: Floats
    covariance: Floats
    moves: Floats


@dataclass(frozen=True)
class GaussianBelief:
    """One joint Gaussian over the qualities and signals of M models, around a linear shrink of their estimates.

    Conditioned in closed form on whichever signals are there, it replaces the regressions that cascade routing fits for
    every model and every set of models called (Dekoninck et al. 2025), of which there are M 2^M. The design is ours.

    How far a model's mean will move is what its own signals are expected to tell: exactly right for one more call, and
    nothing for a model that was called. What other models' signals will tell of it is left out until they are there.

    Args:
        signals: K names among `Candidate.signals`.
        usual: M floats, the mean of each model's estimates; an estimate that is not known counts as that.
        centre: M (1 + K) floats, the means of the M qualities, then of the K signals of each model in turn.
        slope: M (1 + K) rows of M floats, how they follow the estimates.
        covariance: M (1 + K) rows of as many floats, of what the estimates do not explain.

    >>> belief = GaussianBelief(("sure",), (0.5,), (0.5, 0.0), ((1.0,), (0.0,)), ((0.04, 0.1), (0.1, 1.0)))
    >>> mean, known = belief.after(np.array([0.6]), {0: {"sure": 2.0}})
    >>> mean.round(2).tolist(), known.covariance.tolist()
    ([0.8], [[0.0]])
    """

    signals: tuple[str, ...]
    usual: tuple[float, ...]
    centre: tuple[float, ...]
    slope: tuple[tuple[float, ...], ...]
    covariance: tuple[tuple[float, ...], ...]
    _arrays: dict[str, Floats] = field(default_factory=dict, init=False, repr=False, compare=False)
    _known: dict[tuple[int, tuple[int, ...]], Known] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        models = len(self.usual)
        width = models * (1 + len(self.signals))
        for name, shape in {"usual": (models,), "centre": (width,), "slope": (width, models)}.items():
            self._arrays[name] = np.asarray(getattr(self, name), np.float64).reshape(shape)
        self._arrays["covariance"] = np.asarray(self.covariance, np.float64).reshape(width, width)

    def after(self, estimates: Floats, called: Mapping[int, Mapping[str, float]]) -> tuple[Floats, Known]:
        """Mean quality of each model, float64 [M], and what else is known.

        Args:
            estimates: float [M], before any call; NaN if unknown.
            called: the signals of each model that was called; those that are not finite, or not there, say nothing.
        """
        models, found = len(self.usual), []
        for model in sorted(called):
            for number, name in enumerate(self.signals, models + model * len(self.signals)):
                value = called[model].get(name, np.nan)
                if np.isfinite(value):
                    found.append((number, value))
        known = self.known(tuple(sorted(called)), tuple(number for number, _ in found))
        offset = estimates - self._arrays["usual"]
        expected = self._arrays["centre"] + self._arrays["slope"] @ np.where(np.isnan(offset), 0.0, offset)
        if not found:
            return expected[:models], known
        surprise = np.array([value - expected[number] for number, value in found])
        return expected[:models] + known.gain @ surprise, known

    def known(self, called: tuple[int, ...], seen: tuple[int, ...] = ()) -> Known:
        """What follows from which models were called and which places of `centre` were seen; kept for the next time."""
        key = (sum(1 << model for model in called), seen)
        if key not in self._known:
            if len(self._known) >= MOST_CACHED:
                self._known.clear()
            self._known[key] = self._worked_out(called, list(seen))
        return self._known[key]

    def _worked_out(self, called: tuple[int, ...], seen: list[int]) -> Known:
        joint, models, kinds = self._arrays["covariance"], len(self.usual), len(self.signals)
        inverse = _inverse(joint[np.ix_(seen, seen)])
        left = joint - joint[:, seen] @ inverse @ joint[seen]
        follow = np.zeros((models, len(joint)))
        for model in set(range(models)) - set(called):
            own = range(models + model * kinds, models + (model + 1) * kinds)
            follow[model, own] = left[model, own] @ _inverse(left[np.ix_(own, own)])
        covariance = follow @ left @ follow.T
        return Known(joint[:models, seen] @ inverse, covariance, movement(covariance, normal_draws(models)))


def _inverse(covariance: Floats) -> Floats:
    """Of a covariance; directions in which it is flat are left out."""
    return np.asarray(np.linalg.pinv(covariance, rcond=FLAT, hermitian=True)) if len(covariance) else covariance
