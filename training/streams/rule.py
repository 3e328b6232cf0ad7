"""The contract of a selection rule: how much a student is to be trusted with a query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from anabranch.training.streams.student import Floats, Student


@dataclass(frozen=True, eq=False)
class View:
    """What a rule sees of a query.

    Args:
        embedding: float64 [D], of length 1.
        checkpoints: the last students, oldest first; the last one answers. At least one.
        stored: float32 [n, D], unit rows: the queries that were called.
        u: in [0, 1), drawn for this query.
    """

    embedding: Floats
    checkpoints: Sequence[Student]
    stored: NDArray[np.float32]
    u: float

    @property
    def logits(self) -> Floats:
        """The student's, [K]."""
        return self.checkpoints[-1].logits(self.embedding)


class Rule(Protocol):
    """A selection rule of the paper.

    Attributes:
        surer: whether a student is surer where the value is higher, or lower.
    """

    surer: ClassVar[Literal["higher", "lower"]]

    def value(self, view: View) -> float:
        """The paper's number for the query; NaN if it cannot tell, and then the large model is called."""

    def calls(self, value: float, h: float) -> bool:
        """Whether the large model is called at the paper's threshold h."""
