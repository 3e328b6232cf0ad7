"""The smallest set of arms that holds a good one often enough."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Decision, Floats, Situation, lead
from anabranch.routers.policies.set_valued import called, ranks


@dataclass(frozen=True)
class RiskControlled:
    """Call every arm whose quality reaches tau, and the most confident one (Hao et al. 2026, RACER).

    Tau is calibrated on the validation split so that the set holds an acceptable arm for all but a share alpha of
    prompts. The promise is about the set: it says nothing of `arm`, the most confident of it, alone. It holds for
    prompts like those of the validation split, with every arm feasible. The knob is not read.

    Args:
        tau: quality from which an arm is called; 0 calls every arm, which is the safe side of knowing nothing.
        controlled: whether tau keeps the risk it was calibrated to; the reason of each decision repeats it.

    >>> estimates = Estimates(np.array([[0.9, 0.3, 0.6], [0.2, 0.4, 0.1]]), np.zeros((2, 3)), np.zeros((2, 3)))
    >>> RiskControlled(0.5, True).decide(Situation(estimates, np.zeros((2, 3)), np.ones(2))).members.tolist()
    [[True, False, True], [False, True, False]]
    """

    tau: float = 0.0
    controlled: bool = False

    @property
    def needs_cost(self) -> bool:
        """Only to decide between equally confident arms."""
        return False

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`; `members` may have several arms a row."""
        members = on.feasible & (on.quality >= self.tau)
        return called(ranks(on).argmin(axis=1), members, "risk_controlled" if self.controlled else "risk_uncontrolled")

    def margin(self, on: Situation) -> Floats:
        """The distance of the nearest quality from tau, or the best quality's lead."""
        return np.asarray(np.minimum(np.abs(on.quality - self.tau).min(axis=1), lead(on.quality)))

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Nothing to fit: tau is calibrated on outcomes, not on estimates."""
        return self

    def knots(self, count: int) -> Floats:
        """Equal steps; they all decide alike."""
        return np.linspace(0.0, 1.0, count)
