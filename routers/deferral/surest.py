"""What to answer with when a policy may not go on."""

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Abstain, Action, Answer, State


def best_so_far(policy: Deferral, state: State, reason: str) -> Action:
    """Answer with the best candidate there is; abstain if there is none.

    The best is that of the highest signal which the policy reads, a field `signal`; the latest if it has no such field
    or no candidate has the signal.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> from anabranch.routers.deferral.threshold_chain import ThresholdChain
    >>> import numpy as np
    >>> said = (Candidate(0, signals={"sure": 0.5}), Candidate(1, signals={"sure": 0.25}))
    >>> best_so_far(ThresholdChain((0, 1), (0.9,), "sure"), State(said, np.ones(2), np.ones(2), u=0.0), "late")
    Answer(pick=0, reason='late')
    """
    if not state.answers:
        return Abstain(reason)
    signal = getattr(policy, "signal", "")
    return Answer(max(state.answers, key=lambda place: (_sureness(state, place, signal), place)), reason)


def _sureness(state: State, place: int, signal: str) -> float:
    """The signal of a candidate; minus infinity if it has none."""
    value = state.candidates[place].signals.get(signal, float("nan"))
    return value if value == value else float("-inf")
