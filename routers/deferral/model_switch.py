"""Models one after another, each asked several times, until one agrees with itself; then all vote."""

from dataclasses import dataclass
from math import fsum, isnan, log

from anabranch.routers.deferral.state import Action, Call, State
from anabranch.routers.deferral.votes import clusters, places_of, plurality, voted


@dataclass(frozen=True)
class ModelSwitch:
    """Draw samples of one model; if they say the same, stop, otherwise go to the next; all samples drawn then vote.

    Args:
        models: in the order in which they are asked.
        samples: of each.
        tau: the least share of a model's samples that must say the same; 1 is all, above 1 asks every model.
        weighted: a model's votes count by how much it agrees with itself, 1 - entropy / log samples, times how good
            the router thinks it is; by itself each vote counts 1, as in the released code.

    Raises:
        ValueError: there is no model or no sample, or a model is there twice.

    >>> import numpy as np
    >>> ModelSwitch((1, 0), samples=2).decide(State((), np.ones(2), np.ones(2), u=0.0))
    Call(models=(1, 1), reason='first')
    """

    source = "Chen et al. 2025, arXiv 2504.00762"
    specification = "code"
    models: tuple[int, ...]
    samples: int = 5
    tau: float = 1.0
    weighted: bool = False

    def __post_init__(self) -> None:
        if not self.models or self.samples < 1:
            raise ValueError(f"{self.samples} samples of the models {self.models}; ask for at least one of one")
        if len(set(self.models)) < len(self.models):
            raise ValueError(f"models {self.models} must differ; ask for more samples instead")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        asked = [model for model in self.models if state.calls_of(model)]
        agreed = bool(asked) and self._agrees(state, asked[-1])
        if agreed or len(asked) == len(self.models):
            weights = {model: self._weight(state, model) for model in asked} if self.weighted else None
            return voted(state, range(len(state.candidates)), "agree" if agreed else "last", weights)
        return Call((self.models[len(asked)],) * self.samples, "disagree" if asked else "first")

    def _agrees(self, state: State, model: int) -> bool:
        vote = plurality(state, places_of(state, {model}))
        return vote is not None and vote.share >= self.tau

    def _weight(self, state: State, model: int) -> float:
        """In [0, 1] times the estimated quality, which counts 1 if unknown."""
        asked, prior = places_of(state, {model}), float(state.quality[model])
        counts = sorted(len(places) for places in clusters(state, asked).values())
        alone = len(asked) - sum(counts)  # who says nothing agrees with nobody
        entropy = fsum(count / len(asked) * log(len(asked) / count) for count in [1] * alone + counts)
        certain = 1 - entropy / log(len(asked)) if len(asked) > 1 else 1.0
        return max(certain, 0.0) * (1.0 if isnan(prior) else prior)
