"""One decision of a router, with what it was chosen from."""

from dataclasses import dataclass

import numpy as np

from anabranch.routers.policies.policy import Bools, Floats
from anabranch.routers.router import Router


@dataclass(frozen=True, eq=False)
class Choice:
    """What a router chose for one text among A arms.

    Args:
        arm: index of the arm that answers.
        reason: the policy's short code.
        tradeoff: that it was decided at.
        quality: float32 (A,), estimates.
        cost_usd: float64 (A,), expected USD of the request; NaN if unknown.
    """

    arm: int
    reason: str
    tradeoff: float
    quality: Floats
    cost_usd: Floats

    @property
    def expected_cost_usd(self) -> float | None:
        """Of the chosen arm; None if unknown."""
        cost_usd = float(self.cost_usd[self.arm])
        return None if np.isnan(cost_usd) else cost_usd


def choose(router: Router, text: str, tradeoff: float | None = None, feasible: Bools | None = None) -> Choice:
    """The decision for one routing text.

    Args:
        router: what decides.
        text: a routing text, see `routing_text`.
        tradeoff: 0 = cheapest, 1 = best; the calibrated one if not given.
        feasible: bool (A,), the arms that may be chosen; all if None.

    Raises:
        ValueError: the trade-off is outside [0, 1], no arm is feasible, or the policy needs costs that are unknown.
    """
    knob = router.tradeoff if tradeoff is None else router.at(tradeoff).tradeoff
    on = router.situation([text], knob, None if feasible is None else feasible[None, :])
    decision = router.policy.decide(on)
    return Choice(int(decision.arm[0]), decision.reason[0], knob, on.estimates.quality[0], on.cost_usd[0])
