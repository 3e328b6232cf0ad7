"""For estimators that read the trade-off themselves."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import utility_knots
from anabranch.routers.policies.policy import Decision, Floats, Situation, best_then_cheapest, decided, lead


@dataclass(frozen=True)
class Conditioned:
    """Choose argmax of a score that was already conditioned on the trade-off (RM-Softmax).

    >>> estimates = Estimates(np.array([[0.5, 0.9]]), np.zeros((1, 2)), np.zeros((1, 2)))
    >>> int(Conditioned().decide(Situation(estimates, np.zeros((1, 2)), np.zeros(1))).arm[0])
    1
    """

    @property
    def needs_cost(self) -> bool:
        """Costs were weighed in training."""
        return False

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`."""
        score = np.where(on.feasible, on.quality, -np.inf)
        return decided(best_then_cheapest(score, on.cost_usd), score.shape[1], "max_score")

    def margin(self, on: Situation) -> Floats:
        """The best score's lead."""
        return lead(on.quality)

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Nothing to fit."""
        return self

    def knots(self, count: int) -> Floats:
        """As argmax-utility's, which the scores were trained for."""
        return utility_knots(count)
