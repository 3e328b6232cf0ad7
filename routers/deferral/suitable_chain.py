"""The models that suit a prompt, from cheap to dear, until one answer looks sure enough."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.behind_best import behind_best
from anabranch.routers.deferral.line import Line
from anabranch.routers.deferral.state import Action, Call, State


@dataclass(frozen=True)
class SuitableChain:
    """Of the models whose estimate before any call is not far below the best, call one after another.

    The first answer that is sure is kept, and the last model's whatever it looks like: nothing is called after it, so
    it can be shown while it is written. If all that suit fail, the others stand in, the highest estimate first.

    Args:
        models: L numbers, the cheapest first.
        tau: the least estimate of a model that suits, less the best estimate of the prompt, so that it means the same
            for routers of any scale; 0 is the best alone, -inf is all.
        threshold: the least signal of an answer that is kept; -inf keeps the cheapest model's, +inf the last one's.
        signal: the name among `Candidate.signals`, higher is surer.
        at_least: if fewer models suit, so many with the highest estimates do.

    Raises:
        ValueError: a setting is out of its range.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> chain = SuitableChain((0, 1, 2), tau=-0.25, threshold=0.8, signal="chance")
    >>> chain.decide(State((), np.array([0.5, 0.75, 0.875]), np.ones(3), u=0.0))
    Call(models=(1,), reason='first')
    """

    source = "Shah et al. 2025, arXiv 2504.10681"
    specification = "secondary"
    models: tuple[int, ...]
    tau: float
    threshold: float
    signal: str
    at_least: int = 1

    def __post_init__(self) -> None:
        if not (self.tau <= 0 and self.at_least >= 1):
            raise ValueError(
                f"tau {self.tau}, at_least {self.at_least}: tau is at most 0, the best estimate, and at_least is 1 or "
                "more"
            )

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        return self._line(state).step(state, self.signal, self.threshold)

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: the last model that suits is not doubted."""
        return self._line(state).is_final(state)

    def _line(self, state: State) -> Line:
        behind = behind_best(state.quality[list(self.models)])
        suits = suitable(behind, self.tau, self.at_least)
        falling = (-behind).argsort(kind="stable").tolist()
        return Line(
            tuple(model for place, model in enumerate(self.models) if suits[place]),
            tuple(self.models[place] for place in falling if not suits[place]),
        )


def suitable(behind: NDArray[np.float64], tau: float, at_least: int) -> NDArray[np.bool_]:
    """Which models suit, [..., L], by what `behind_best` says; ties go to the cheaper one.

    >>> suitable(np.array([-0.5, 0.0, -0.5, -0.1]), -0.2, at_least=3).tolist()
    [True, True, False, True]
    """
    rank = (-behind).argsort(axis=-1, kind="stable").argsort(axis=-1)
    return np.asarray((behind >= tau) | (rank < at_least))
