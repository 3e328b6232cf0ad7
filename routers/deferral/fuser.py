"""The contract of fusers: answers that exist in, the one that is given out."""

from collections.abc import Sequence
from typing import Protocol

from anabranch.routers.deferral.state import State


class Fuser(Protocol):
    """A frozen dataclass of settings with one rule; what it holds of models, it holds of all M of the plan, in order.

    `source` and `specification` are stated as constants, as policies state them.
    """

    def pick(self, state: State, places: Sequence[int]) -> int | None:
        """The candidate to answer with, not one that failed; None if none of them says anything that it reads.

        Pure: no clock, no I/O, no randomness but `state.u`. The order of candidates changes nothing.

        Args:
            state: holds the candidates.
            places: all that were asked, failed ones included.
        """
