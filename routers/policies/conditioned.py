"""For estimators that read the trade-off themselves."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import utility_knots
from anabranch.routers.policies.policy import Bools, Decision, Floats, best_then_cheapest, decided, feasible, lead


@dataclass(frozen=True)
class Conditioned:
    """Choose argmax of a score that was already conditioned on the trade-off (RM-Softmax).

    >>> estimates = Estimates(np.array([[0.5, 0.9]]), np.zeros((1, 2)), np.zeros((1, 2)))
    >>> int(Conditioned().decide(estimates, np.zeros((1, 2)), np.zeros(1)).arm[0])
    1
    """

    @property
    def needs_cost(self) -> bool:
        """Costs were weighed in training."""
        return False

    def decide(
        self,
        estimates: Estimates[Floats],
        cost_usd: Floats,
        tradeoff: Floats,
        mask: Bools | None = None,
        u: Floats | None = None,
    ) -> Decision:
        """See `Policy.decide`."""
        score = np.where(feasible(estimates.quality.shape, mask), estimates.quality.astype(np.float64), -np.inf)
        return decided(best_then_cheapest(score, cost_usd), score.shape[1], "max_score")

    def margin(self, estimates: Estimates[Floats], cost_usd: Floats, tradeoff: Floats) -> Floats:
        """The best score's lead."""
        return lead(estimates.quality.astype(np.float64))

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Nothing to fit."""
        return self

    def knots(self, count: int) -> Floats:
        """As argmax-utility's, which the scores were trained for."""
        return utility_knots(count)
