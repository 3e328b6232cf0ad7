"""The best model by a router's estimates; where the best two are close, the cheaper one of them is tried first."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.behind_best import behind_best
from anabranch.routers.deferral.line import Line
from anabranch.routers.deferral.priced import priced
from anabranch.routers.deferral.state import Action, Call, Floats, State


@dataclass(frozen=True)
class UnsurePair:
    """Route where estimates before any call are clear, and cascade between the best two where they are not.

    Where the best two are close, a look at the cheaper one's answer settles it. If it is not sure the other one is
    called, and that answer is kept whatever it looks like. If all of these fail, the next best models stand in. A
    model of unknown cost counts as dear as the dearest.

    Args:
        models: L numbers, the cheapest first: ties go to the first.
        lam: quality that a USD must buy; a model is worth its estimate less `lam` times its cost.
        delta: the lead of the best over the second best from which it is called and believed; -inf never doubts it.
        threshold: the least signal at which the cheaper one's answer is kept.
        signal: the name among `Candidate.signals`, higher is surer.

    Raises:
        ValueError: lam is negative or not finite.

    >>> pair = UnsurePair((0, 1), lam=0.05, delta=0.25, threshold=0.8, signal="chance")
    >>> for small in (0.25, 0.5):
    ...     pair.decide(State((), np.array([small, 0.875]), np.array([1.0, 5.0]), u=0.0))
    Call(models=(1,), reason='first')
    Call(models=(0,), reason='first')
    """

    source = "Barrak et al. 2025, arXiv 2509.14899"
    specification = "secondary"
    models: tuple[int, ...]
    lam: float
    delta: float
    threshold: float
    signal: str

    def __post_init__(self) -> None:
        if not 0 <= self.lam < np.inf:
            raise ValueError(f"lam {self.lam}: it is finite and at least 0")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        return self._line(state).step(state, self.signal, self.threshold)

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: a clear best is not doubted, nor is the second one of a pair."""
        return self._line(state).is_final(state)

    def _line(self, state: State) -> Line:
        columns = list(self.models)
        now = leaders(state.quality[columns], priced(state.cost_usd[columns]), self.lam)
        order = [self.models[place] for place in now.order.tolist()]
        called = 1 if now.lead >= self.delta else 2
        first = order[:called]
        return Line(tuple(first[::-1] if now.second_is_cheaper else first), tuple(order[called:]))


class Leaders(NamedTuple):
    """Models by what they are worth.

    Args:
        order: int64 [..., L], places from the best on; ties go to the first.
        lead: float64 [...], of the best over the second best; inf if there is no second.
        second_is_cheaper: bool [...], than the best.
    """

    order: NDArray[np.int64]
    lead: NDArray[np.float64]
    second_is_cheaper: NDArray[np.bool_]


def leaders(estimates: Floats, cost_usd: Floats, lam: float) -> Leaders:
    """Who is worth most by estimates [..., L] and known costs [..., L].

    >>> found = leaders(np.array([0.5, 0.875, 0.25]), np.array([1.0, 5.0, 2.0]), lam=0.0625)
    >>> found.order.tolist(), float(found.lead), bool(found.second_is_cheaper)
    ([1, 0, 2], 0.125, True)
    """
    worth = behind_best(estimates) - lam * cost_usd
    order = (-worth).argsort(axis=-1, kind="stable")
    if order.shape[-1] == 1:
        return Leaders(order, np.full(order.shape[:-1], np.inf), np.zeros(order.shape[:-1], np.bool_))
    rising, cost = np.sort(worth, axis=-1), np.take_along_axis(cost_usd, order[..., :2], axis=-1)
    return Leaders(order, rising[..., -1] - rising[..., -2], cost[..., 1] < cost[..., 0])
