"""Random calls, a baseline."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from anabranch.training.streams.rule import View


@dataclass(frozen=True)
class RandomCalls:
    """Call by lot: the value is drawn between 0 and 1, and h is the share that is called."""

    surer: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, view: View) -> float:
        """The lot."""
        return view.u

    def calls(self, value: float, h: float) -> bool:
        """Whether the lot is below h."""
        return value < h
