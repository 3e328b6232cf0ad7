"""Optimism: argmax of quality plus a multiple of its spread."""

from dataclasses import dataclass, field, replace
from typing import Self

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Decision, Floats, Situation


@dataclass(frozen=True)
class UCB:
    """Choose argmax of utility after adding alpha standard deviations to quality (Li et al. 2010, LinUCB).

    Args:
        alpha: how many standard deviations of optimism; 0 exploits only.
        inner: the utility that the optimistic quality is weighed by.

    >>> import numpy as np
    >>> estimates = Estimates(np.array([[0.5, 0.4]]), np.zeros((1, 2)), np.array([[0.0, 0.2]]))
    >>> int(UCB(alpha=1.0).decide(Situation(estimates, np.zeros((1, 2)), np.ones(1))).arm[0])
    1
    """

    alpha: float = 1.0
    inner: ArgmaxUtility = field(default_factory=ArgmaxUtility)

    @property
    def needs_cost(self) -> bool:
        """As its utility does."""
        return self.inner.needs_cost

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`."""
        return self.inner.decide(self._optimistic(on))

    def margin(self, on: Situation) -> Floats:
        """The best optimistic utility's lead."""
        return self.inner.margin(self._optimistic(on))

    def _optimistic(self, on: Situation) -> Situation:
        hoped = on.estimates.quality + self.alpha * on.estimates.spread
        return replace(on, estimates=on.estimates._replace(quality=hoped))

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Fit the utility's scale."""
        return replace(self, inner=self.inner.fitted(estimates, cost_usd))

    def knots(self, count: int) -> Floats:
        """As its utility's."""
        return self.inner.knots(count)
