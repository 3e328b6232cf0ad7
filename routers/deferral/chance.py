"""How likely an answer is right, by what a calibration found of one of its signals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.answered import Answered
from anabranch.routers.deferral.signal_maps import SignalMap


@dataclass(frozen=True)
class Chance:
    """A signal through one map a model, so that a threshold means the same for every model.

    Args:
        name: of what comes out.
        reads: the name of the signal that goes in.
        maps: M, one a model.

    >>> from anabranch.routers.deferral.signal_maps import Sigmoid
    >>> chance = Chance("chance", "margin", (Sigmoid(1.0, 0.0),))
    >>> chance([Answered(0, "2 + 2?", "4", {"margin": 0.0}), Answered(0, "2 + 2?", "4", {})]).tolist()
    [0.5, nan]
    """

    name: str
    reads: str
    maps: tuple[SignalMap, ...]

    def __call__(self, answers: Sequence[Answered]) -> NDArray[np.float32]:
        """See `Signal`."""
        given = [one.signals.get(self.reads, np.nan) for one in answers]
        return np.array([self.maps[one.model](value) for one, value in zip(answers, given, strict=True)], np.float32)
