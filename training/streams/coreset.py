"""Coreset."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from anabranch.training.streams.rule import View


@dataclass(frozen=True)
class Coreset:
    """Call where nothing alike is stored: the value is the largest cosine to a stored query, and h what it must reach.

    It looks at queries alone, whatever the student makes of them.
    """

    surer: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, view: View) -> float:
        """The cosine, -1 to 1."""
        return float((view.stored @ view.embedding).max())

    def calls(self, value: float, h: float) -> bool:
        """Whether the cosine is below h."""
        return value < h
