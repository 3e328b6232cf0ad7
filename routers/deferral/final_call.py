"""Which calls end a policy's work, so that their answers can be shown while they are still being written."""

from typing import Protocol, runtime_checkable

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Call, State


@runtime_checkable
class Foreseeing(Protocol):
    """A policy that may know before a call that it will answer with it."""

    def is_final(self, state: State, call: Call) -> bool:
        """Whether the answer to `call`, the policy's own next action, will be the policy's answer whatever it says.

        Only if it does not fail; a wave of several calls never is.
        """


def is_final(policy: Deferral, state: State, call: Call) -> bool:
    """What a policy says of its next call; False if it cannot tell.

    >>> from anabranch.routers.deferral.threshold_chain import ThresholdChain
    >>> import numpy as np
    >>> only = ThresholdChain((0,), (), "logprob_mean")
    >>> is_final(only, State((), np.ones(1), np.ones(1), u=0.0), Call((0,)))
    True
    """
    return isinstance(policy, Foreseeing) and policy.is_final(state, call)
