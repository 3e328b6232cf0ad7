"""Several small models at once; where they do not mean the same, a big one."""

from dataclasses import dataclass
from typing import Literal

from anabranch.routers.deferral.state import Action, Answer, Call, State
from anabranch.routers.deferral.votes import clusters, plurality, voted


@dataclass(frozen=True)
class SemanticAgreement:
    """Call the small models at once; keep their most central answer if they agree enough, otherwise call the big one.

    Two answers are 1 alike if their keys are equal, otherwise 0: a candidate carries no text to compare. The most
    central answer is then the one given most often.

    Args:
        models: the small ones, then the big one.
        tau: the least agreement that is enough; above 1 always calls the big model.
        form: mean is how alike any two of them are on average; max is how alike the most central one is to the others.

    Raises:
        ValueError: there are not two small models, or a model is there twice.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> said = (Candidate(0, key="a"), Candidate(1, key="b"), Candidate(2, key="a"))
    >>> state = State(said, np.ones(4), np.ones(4), u=0.0)
    >>> [round(SemanticAgreement((0, 1, 2, 3), form=form).agreement(state), 3) for form in ("mean", "max")]
    [0.333, 0.5]
    """

    source = "Soiffer et al. 2025, arXiv 2509.21837"
    specification = "secondary"
    models: tuple[int, ...]
    tau: float = 0.5
    form: Literal["mean", "max"] = "mean"

    def __post_init__(self) -> None:
        if len(self.models) < 3 or len(set(self.models)) < len(self.models):
            raise ValueError(f"models {self.models} must be at least two small ones and a big one, all different")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        *small, big = self.models
        if not state.candidates:
            return Call(tuple(small), "first")
        places = range(len(small))
        if len(state.candidates) > len(small):
            return voted(state, range(len(small), len(state.candidates)), "big")
        vote = plurality(state, places)
        if vote is None or self.agreement(state) < self.tau:
            return Call((big,), "disagree")
        return Answer(vote.pick, "agree")

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: the big model is not doubted."""
        return call.models == self.models[-1:]

    def agreement(self, state: State) -> float:
        """Of the small models' answers, in [0, 1]; a failed or unreadable one is like no other."""
        asked = len(self.models) - 1
        counts = [len(places) for places in clusters(state, range(asked)).values()]
        if self.form == "max":
            return (max(counts, default=1) - 1) / (asked - 1)
        return sum(count * (count - 1) for count in counts) / (asked * (asked - 1))
