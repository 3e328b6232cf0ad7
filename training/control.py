"""Set the threshold of a risk-controlled policy on validation outcomes."""

import logging
from dataclasses import dataclass

import numpy as np

from anabranch.data.outcomes import Outcomes
from anabranch.routers.policies.risk_controlled import RiskControlled
from anabranch.routers.router import Router
from anabranch.training.risk import acceptable, lost, tau_ltt

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class ControlledRisk:
    """A threshold and what its sets gave on the outcomes it was chosen on.

    Args:
        tau: estimated quality from which an arm is called.
        controlled: whether the risk is kept with 95 % confidence; if not, every arm is called.
        risk: share of solvable prompts whose set holds no acceptable arm.
        solvable: prompts with an acceptable arm.
        members: mean arms in a set.
        cost_usd: mean USD of calling the whole set; NaN if unknown.
    """

    tau: float
    controlled: bool
    risk: float
    solvable: int
    members: float
    cost_usd: float


def control(router: Router, outcomes: Outcomes, alpha: float) -> tuple[RiskControlled, ControlledRisk]:
    """The policy whose sets hold an acceptable arm for all but a share alpha of solvable prompts, 95 % sure.

    An answer is acceptable if it is the best known one to its prompt and worth at least 0.5. Prompts that no arm
    solves are left out: no set could help them. The promise is exact for estimates that never saw these outcomes; the
    best epoch or a calibration map that was chosen on them makes it a little too good.

    Args:
        router: its policy is not read.
        outcomes: validation prompts, the router's arms.
        alpha: share of solvable prompts that may be lost.

    Raises:
        ValueError: alpha is not between 0 and 1, or no prompt is solvable.
    """
    on = router.situation(outcomes.texts, 1.0)
    most_confident = RiskControlled().decide(on).arm
    found = tau_ltt(lost(on.quality, acceptable(outcomes.quality), most_confident, unsolvable="excluded"), alpha)
    if not found.holds:
        logger.warning(
            "a risk of %g cannot be promised from %d solvable validation prompts: every arm will be called, and "
            "decisions say risk_uncontrolled; allow more risk or label more prompts",
            alpha,
            found.prompts,
        )
    policy = RiskControlled(found.tau, found.holds)
    members = policy.decide(on).members
    # an unknown cost of a member makes the cost of its set unknown, and one of an outsider does not
    set_usd = np.where(members, outcomes.cost_usd, 0.0).sum(axis=1)
    size = float(members.sum(axis=1).mean())
    return policy, ControlledRisk(found.tau, found.holds, found.risk, found.prompts, size, float(set_usd.mean()))
