"""Best of n over several models: each further sample from the model whose latest one promises most."""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import exp, fsum, isnan
from typing import Literal

from anabranch.routers.deferral.endings import last_answer
from anabranch.routers.deferral.state import Action, Answer, Call, State
from anabranch.routers.deferral.votes import clusters, speaker


@dataclass(frozen=True)
class RoBoN:
    """Sample every model once; then, sample by sample, take up the one that helps most and draw its model again.

    A set of samples is worth the mean of their promise, weighted by exp(beta score); a sample promises
    alpha score + (1 - alpha) the share of the set that says the same. At each step the sample not yet taken up that
    makes the set worth most is taken up. A score that is not known counts as 0. A model whose latest call failed is
    not called again.

    Args:
        models: M different ones.
        calls: in all; 1 calls one model at random, otherwise at least M.
        signal: a reward in [0, 1] on a scale common to all models.
        beta: how much more a higher score weighs; at least 0.
        alpha: in [0, 1].
        unused: whether samples paid for but never taken up may answer too; in the paper they may not.
        answer: best is the one with the highest score; draw is any, as likely as its weight, by `state.u`.

    Raises:
        ValueError: a model is there twice, calls are too few, or beta or alpha is out of bounds.

    >>> import numpy as np
    >>> RoBoN((0, 1), calls=4).decide(State((), np.ones(2), np.ones(2), u=0.0))
    Call(models=(0, 1), reason='first')
    """

    source = "Geuter and Kornhardt 2025, arXiv 2512.05542"
    specification = "code"
    models: tuple[int, ...]
    calls: int = 8
    signal: str = "reward"
    beta: float = 1.0
    alpha: float = 0.7
    unused: bool = True
    answer: Literal["best", "draw"] = "best"

    def __post_init__(self) -> None:
        if not self.models or len(set(self.models)) < len(self.models):
            raise ValueError(f"models {self.models} must be at least one, and differ")
        if self.calls != 1 and self.calls < len(self.models):
            raise ValueError(f"{self.calls} calls for {len(self.models)} models; allow 1, or one for each")
        if self.beta < 0 or not 0 <= self.alpha <= 1:
            raise ValueError(f"beta must be at least 0 and alpha from 0 to 1, not {self.beta} and {self.alpha}")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        if not state.candidates:
            one = self.models[int(state.u * len(self.models))]
            return Call((one,) if self.calls == 1 else self.models, "first")
        taken, waiting = self._taken(state)
        if waiting:
            best = self._next(state, taken, waiting)
            if len(state.candidates) < self.calls:
                return Call((state.candidates[best].model,), "promising")
            taken = [*taken, best]
        return self._chosen(state, state.answers if self.unused else taken)

    def is_final(self, state: State, call: Call) -> bool:
        """See `Foreseeing.is_final`: only if there is one call in all."""
        return self.calls == 1

    def _taken(self, state: State) -> tuple[list[int], list[int]]:
        """Places taken up, and the latest of each model; who is called again had its latest taken up."""
        latest = {state.candidates[place].model: place for place in range(len(state.candidates))}
        waiting = [place for place in latest.values() if not state.candidates[place].failed]
        return [place for place in state.answers if place not in waiting], waiting

    def _next(self, state: State, taken: Sequence[int], waiting: Sequence[int]) -> int:
        worth = {place: self._worth(state, [*taken, place]) for place in waiting}
        most = max(worth.values())
        return speaker(state, [place for place in waiting if worth[place] == most])

    def _worth(self, state: State, places: Sequence[int]) -> float:
        said = clusters(state, places)
        alpha = self.alpha if said else 1.0
        share = {place: len(alike) / len(places) for alike in said.values() for place in alike}
        promise = [alpha * self._score(state, place) + (1 - alpha) * share.get(place, 0.0) for place in places]
        weights = self._weights(state, places)
        # summed exactly, so that the order of the candidates does not show
        weighted = fsum(weight * min(max(one, 0.0), 1.0) for weight, one in zip(weights, promise, strict=True))
        return weighted / fsum(weights)

    def _chosen(self, state: State, places: Sequence[int]) -> Action:
        if not places:
            return last_answer(state, "last")
        if self.answer == "best":
            most = max(self._score(state, place) for place in places)
            return Answer(speaker(state, [place for place in places if self._score(state, place) == most]), "best")
        # by model and sample, so that the same u draws the same answer in whatever order they came
        named = sorted(places, key=lambda place: (state.candidates[place].model, state.candidates[place].sample))
        up_to = list(accumulate(self._weights(state, named)))
        return Answer(named[bisect(up_to, state.u * up_to[-1], hi=len(named) - 1)], "drawn")

    def _weights(self, state: State, places: Sequence[int]) -> list[float]:
        scores = [self._score(state, place) for place in places]
        return [exp(self.beta * (score - max(scores))) for score in scores]

    def _score(self, state: State, place: int) -> float:
        score = state.candidates[place].signals.get(self.signal, 0.0)
        return 0.0 if isnan(score) else score
