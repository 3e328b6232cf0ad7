"""A line of models that is drawn up for one prompt, before any of them is called."""

from typing import NamedTuple

from anabranch.routers.deferral.endings import last_answer
from anabranch.routers.deferral.state import Action, Answer, Call, State


class Line(NamedTuple):
    """Who is called for a prompt, one after another.

    Args:
        cascade: one or more numbers; the last of them is not doubted.
        spare: others, in the order in which they are called while there is no answer, as all before them failed.
    """

    cascade: tuple[int, ...]
    spare: tuple[int, ...] = ()

    def step(self, state: State, signal: str, threshold: float) -> Action:
        """The next call, or the first answer whose signal reaches a threshold; at the end the latest answer there is.

        An answer whose signal is not known is not sure.

        >>> from anabranch.routers.deferral.state import Candidate
        >>> import numpy as np
        >>> said = (Candidate(2, signals={"sure": 0.5}),)
        >>> Line((2, 0)).step(State(said, np.ones(3), np.ones(3), u=0.0), "sure", 0.9)
        Call(models=(0,), reason='unsure')
        """
        stage, order = len(state.candidates), self.cascade + self.spare
        if state.answers:
            if stage >= len(self.cascade):
                return last_answer(state, "last" if stage > 1 else "only")
            latest = state.candidates[-1]
            if not latest.failed and latest.signals.get(signal, float("nan")) >= threshold:
                return Answer(stage - 1, "sure")
        if stage >= len(order):
            return last_answer(state, "last")
        return Call((order[stage],), "unsure" if stage else "first")

    def is_final(self, state: State) -> bool:
        """Whether the next call ends the line; see `Foreseeing.is_final`."""
        return len(state.candidates) >= len(self.cascade) - 1
