"""Signals that are worked out of an answer once it is there: how sure it looks, before a policy sees it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Answered(NamedTuple):
    """An answer as signals see it.

    Args:
        model: number of the model that gave it.
        prompt: the routing text.
        answer: what the model wrote.
        signals: what is known of it already, by name.
    """

    model: int
    prompt: str
    answer: str
    signals: Mapping[str, float]


class Signal(Protocol):
    """A signal that is worked out; the same offline for all recorded answers and online for one."""

    @property
    def name(self) -> str:
        """Under which policies, and later signals, find it."""

    def __call__(self, answers: Sequence[Answered]) -> NDArray[np.float32]:
        """The signal of B answers, [B]; higher is surer, NaN is not known."""


def with_signals(signals: Sequence[Signal], answers: Sequence[Answered]) -> list[Answered]:
    """The answers with these signals, worked out in order; one that is not known is not there.

    Args:
        signals: each may read those before it.
        answers: B.

    >>> from anabranch.routers.deferral.chance import Chance
    >>> from anabranch.routers.deferral.signal_maps import Steps
    >>> chance = Chance("chance", "logprob_mean", (Steps((-1.0, 0.0), (0.25, 0.75)),))
    >>> [one.signals["chance"] for one in with_signals([chance], [Answered(0, "", "", {"logprob_mean": 0.5})])]
    [0.75]
    """
    known = list(answers)
    for signal in signals:
        values = signal(known).tolist()
        known = [
            one if value != value else one._replace(signals={**one.signals, signal.name: value})
            for one, value in zip(known, values, strict=True)
        ]
    return known
