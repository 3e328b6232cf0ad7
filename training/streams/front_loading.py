"""Front-loading, a baseline."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from anabranch.training.streams.rule import View


@dataclass(frozen=True)
class FrontLoading:
    """Call until the budget is spent, then leave all to the student."""

    surer: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, view: View) -> float:
        """It never can tell."""
        return np.nan

    def calls(self, value: float, h: float) -> bool:
        """Always."""
        return True
