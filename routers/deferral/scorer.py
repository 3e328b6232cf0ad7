"""A trained scorer of answers as a signal; the network itself is a callable: torch in training, ONNX in serving."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.answered import Answered

Score = Callable[[Sequence[Answered]], NDArray[np.float32]]


@dataclass(frozen=True)
class Scorer:
    """How sure a trained network is of an answer.

    Args:
        name: of the signal.
        file: stem of the file that holds the network.
        score: B answers to [B]; None until it is loaded.

    Raises:
        ValueError: it is called and was not loaded.
    """

    name: str
    file: str
    score: Score | None = field(default=None, compare=False, repr=False)

    def __call__(self, answers: Sequence[Answered]) -> NDArray[np.float32]:
        """See `Signal`."""
        if self.score is None:
            raise ValueError(f"the scorer of signal {self.name!r} was not loaded")
        return self.score(answers)
