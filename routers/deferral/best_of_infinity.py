"""Draw answers until the one drawn most often is surely the one that endless draws would choose."""

from dataclasses import dataclass
from math import inf

import numpy as np

from anabranch.routers.deferral.largest_share import chance_of_another
from anabranch.routers.deferral.state import Action, Answer, Call, State
from anabranch.routers.deferral.votes import clusters, plurality, voted

GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class BestOfInfinity:
    """Sample a mixture of models; stop once a Bayes factor says that the leading answer leads in the population.

    The factor is the number of answers times the odds that the leader is the most common one, under a Dirichlet
    posterior with one answer more that was never seen. An unreadable answer is an answer of its own; a failed call is
    no draw. The answer never seen cannot win.

    Args:
        models: of the mixture.
        weights: how often each is drawn, in any unit; alike if empty. Draws are spread evenly from `state.u` on: each
            by itself falls on a model with its weight.
        bayes_factor: from which on to stop.
        checks: rising numbers of calls after which to look; between two of them the calls are made at once, and at
            the last it stops.
        unseen: how many draws the answer never seen counts for.

    Raises:
        ValueError: weights are not one for each model, or checks do not rise from at least 1.

    >>> from anabranch.routers.deferral.state import Candidate
    >>> import numpy as np
    >>> state = State((Candidate(0, key="a"),), np.ones(1), np.ones(1), u=0.0)
    >>> round(BestOfInfinity((0,)).factor(state), 2)
    4.06
    """

    source = "Komiyama et al. 2025, arXiv 2509.21091"
    specification = "code"
    models: tuple[int, ...]
    weights: tuple[float, ...] = ()
    bayes_factor: float = 10.0
    checks: tuple[int, ...] = (1, 2, 4, 8, 16, 24, 32, 40, 60, 80, 100)
    unseen: float = 0.3

    def __post_init__(self) -> None:
        weights = self.weights or (1.0,) * len(self.models)
        if len(weights) != len(self.models) or min(weights, default=0.0) < 0 or sum(weights) <= 0:
            raise ValueError(f"{len(self.models)} models have the weights {self.weights}; give each one, not all 0")
        if not self.checks or self.checks[0] < 1 or any(np.diff(self.checks) < 1):
            raise ValueError(f"checks {self.checks} must rise from at least 1 call")

    def decide(self, state: State) -> Action:
        """See `Deferral.decide`."""
        drawn = len(state.candidates)
        later = [check for check in self.checks if check > drawn]
        vote = plurality(state, range(drawn))
        if vote is not None and self.factor(state) >= self.bayes_factor:
            return Answer(vote.pick, "sure")
        if not later:
            return voted(state, range(drawn), "last")
        return Call(
            tuple(self._drawn(state.u, draw) for draw in range(drawn, later[0])), "unsure" if drawn else "first"
        )

    def factor(self, state: State) -> float:
        """Bayes factor for the leading answer; 0 if there is none."""
        counts = sorted((len(places) for places in clusters(state, state.answers).values()), reverse=True)
        if not counts:
            return 0.0
        unreadable = [1] * (len(state.answers) - sum(counts))
        shapes = tuple(count + 1.0 for count in [*counts, *unreadable, self.unseen])
        another = chance_of_another(shapes)
        return len(shapes) * (1 - another) / another if another > 0 else inf

    def _drawn(self, u: float, draw: int) -> int:
        up_to = np.cumsum(self.weights or (1.0,) * len(self.models))
        return self.models[int(np.searchsorted(up_to / up_to[-1], (u + draw * GOLDEN) % 1.0, side="right"))]
