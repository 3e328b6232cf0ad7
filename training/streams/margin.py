"""Margin sampling."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from anabranch.training.streams.rule import View


@dataclass(frozen=True)
class Margin:
    """Call where the two best answers are close: the value is the difference of their logits, and h what it must reach.

    A student that knows one answer has no margin.
    """

    surer: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, view: View) -> float:
        """The margin, at least 0."""
        best = np.sort(view.logits)[-2:]
        return float(best[1] - best[0]) if len(best) == 2 else np.nan

    def calls(self, value: float, h: float) -> bool:
        """Whether the margin is below h."""
        return value < h
