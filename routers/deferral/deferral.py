"""The deferral contract: the state of a prompt in, the next action out."""

from typing import Protocol

from anabranch.routers.deferral.state import Action, State


class Deferral(Protocol):
    """A frozen dataclass of settings with one rule, the same offline over recorded answers and online.

    `source` and `specification` are stated as constants, as estimators state them.
    """

    @property
    def models(self) -> tuple[int, ...]:
        """Numbers of the models that it may call."""

    def decide(self, state: State) -> Action:
        """What to do next; pure: no clock, no I/O, no randomness but `state.u`.

        It ends: along any path it answers or abstains after a bounded number of calls, whatever the candidates say and
        however many fail. Where every call failed, it abstains.
        """
