"""How policies end once there is nothing left to call."""

from anabranch.routers.deferral.state import Abstain, Action, Answer, State

NO_ANSWER = Abstain("every call failed")


def last_answer(state: State, reason: str) -> Action:
    """Answer with the latest candidate that did not fail; abstain if all failed."""
    return Answer(state.answers[-1], reason) if state.answers else NO_ANSWER
