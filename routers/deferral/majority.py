"""The answer that most say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from anabranch.routers.deferral.state import State
from anabranch.routers.deferral.votes import plurality


@dataclass(frozen=True)
class Majority:
    """The answer given most often, every vote counting 1; over samples of one model this is self-consistency.

    It needs no majority, only more votes than any other answer. Equal counts go to the models thought better.

    Args:
        quality: M, how good each model is known to be, which breaks ties; if empty, the state's estimates do.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> said = tuple(Candidate(model, key=key) for model, key in enumerate(["a", "b"]))
    >>> Majority((0.4, 0.6)).pick(State(said, np.full(2, np.nan), np.array([1.0, 5.0]), u=0.0), range(2))
    1
    """

    source = "Wang et al. 2023, arXiv 2203.11171"
    specification = "memory"
    quality: tuple[float, ...] = ()

    def pick(self, state: State, places: Sequence[int]) -> int | None:
        """See `Fuser.pick`."""
        known = replace(state, quality=np.array(self.quality)) if self.quality else state
        vote = plurality(known, places)
        return None if vote is None else vote.pick
