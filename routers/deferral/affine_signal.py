"""How sure an answer is as an affine map of what is seen of it: what post-hoc deferral leaves for serving."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.routers.deferral.answered import Answered

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AffineSignal:
    """How sure an answer is as an affine map of what is seen of it: bias + weights (features - means); higher is surer.

    Args:
        signals: names of the answer's signals: the first features.
        estimates: models whose estimated quality, by a router before any call, are the features after them.
        means: F, of the features.
        weights: F.
        bias: added.

    >>> AffineSignal(("logprob_mean", "tokens"), (), (-1.0, 10.0), (2.0, -0.5), 0.25)([-0.5, 12.0]).item()
    0.25
    """

    signals: tuple[str, ...]
    estimates: tuple[int, ...]
    means: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float

    def __call__(self, features: ArrayLike) -> Floats:
        """Features [..., F] to signals [...]; NaN, which is not sure, where one of them is unknown or infinite."""
        given = np.asarray(features, np.float64)
        known = np.where(np.isfinite(given), given, np.nan)
        # summed row by row: a matrix product rounds one row otherwise than many
        return np.asarray(((known - self.means) * self.weights).sum(axis=-1) + self.bias)


@dataclass(frozen=True)
class PostHocSignal:
    """How little there is to gain from the next model, by one learned rule a model.

    Args:
        name: of what comes out.
        rules: M, one a model; None where nothing comes next, or nothing was learned: not sure.

    Raises:
        ValueError: a rule reads a router's estimates, which no signal of an answer sees.

    >>> signal = PostHocSignal("post_hoc", (AffineSignal(("tokens",), (), (10.0,), (-0.5,), 1.0), None))
    >>> signal([Answered(0, "2 + 2?", "4", {"tokens": 12.0}), Answered(1, "2 + 2?", "4", {"tokens": 12.0})]).tolist()
    [0.0, nan]
    """

    name: str
    rules: tuple[AffineSignal | None, ...]

    def __post_init__(self) -> None:
        read = {model for rule in self.rules if rule is not None for model in rule.estimates}
        if read:
            raise ValueError(f"rules read a router's estimates of models {sorted(read)}; learn them without estimates")

    def __call__(self, answers: Sequence[Answered]) -> NDArray[np.float32]:
        """See `Signal`."""
        return np.array([self._of(one) for one in answers], np.float32)

    def _of(self, one: Answered) -> float:
        rule = self.rules[one.model]
        return np.nan if rule is None else float(rule([one.signals.get(name, np.nan) for name in rule.signals]))
