"""Query by committee."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from anabranch.training.streams.rule import View


@dataclass(frozen=True)
class QueryByCommittee:
    """Call where earlier students disagree: the value counts those that give the present one's answer.

    With five checkpoints there are at most four votes; the paper's code calls at h = 2 or 3 or fewer. Earlier students
    know fewer answers, and there are fewer of them at first. Students that know one answer have no vote.
    """

    surer: ClassVar[Literal["higher", "lower"]] = "higher"

    def value(self, view: View) -> float:
        """The votes, 0 to the number of earlier checkpoints."""
        *earlier, student = (one.logits(view.embedding).argmax() for one in view.checkpoints)
        return float(sum(vote == student for vote in earlier)) if len(view.logits) > 1 else np.nan

    def calls(self, value: float, h: float) -> bool:
        """Whether at most h voted for it."""
        return value <= h
