"""How little there is to gain from the next model, as a signal of answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.routers.deferral.answered import Answered

Floats = NDArray[np.float64]


class PostHocRule(Protocol):
    """What was learned of one model's answers: an `AffineSignal` or a `NetworkSignal`."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Names of the answer's signals: the first features."""

    @property
    def estimates(self) -> tuple[int, ...]:
        """Models whose estimated quality, by a router before any call, are the features after them."""

    def __call__(self, features: ArrayLike) -> Floats:
        """Features [..., F] to signals [...]; higher is surer, NaN where one of them is unknown or infinite."""


@dataclass(frozen=True)
class PostHocSignal:
    """How little there is to gain from the next model, by one learned rule a model.

    Args:
        name: of what comes out.
        rules: M, one a model; None where nothing comes next, or nothing was learned: not sure.

    Raises:
        ValueError: a rule reads a router's estimates, which no signal of an answer sees.

    >>> from anabranch.routers.deferral.affine_signal import AffineSignal
    >>> signal = PostHocSignal("post_hoc", (AffineSignal(("tokens",), (), (10.0,), (-0.5,), 1.0), None))
    >>> signal([Answered(0, "2 + 2?", "4", {"tokens": 12.0}), Answered(1, "2 + 2?", "4", {"tokens": 12.0})]).tolist()
    [0.0, nan]
    """

    name: str
    rules: tuple[PostHocRule | None, ...]

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
