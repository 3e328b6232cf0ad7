from itertools import pairwise

import numpy as np
import pytest

from anabranch.routers.policies.policy import Situation
from anabranch.routers.policies.risk_controlled import RiskControlled
from tests.routers.policies.arrays import estimates_of

UNKNOWN = np.full((1, 3), np.nan)
QUALITY = [[0.6, 0.9, 0.3]]


@pytest.mark.parametrize(("tau", "members"), [(0.0, [0, 1, 2]), (0.6, [0, 1]), (0.61, [1]), (0.95, [1])])
def test_every_arm_that_reaches_tau_and_the_most_confident(tau: float, members: list[int]) -> None:
    decision = RiskControlled(tau).decide(Situation(estimates_of(QUALITY), UNKNOWN, np.ones(1)))
    assert np.flatnonzero(decision.members[0]).tolist() == members and decision.arm.tolist() == [1]


def test_a_higher_tau_never_adds_an_arm() -> None:
    """Sets are nested, which is what risk control rests on."""
    quality = np.random.default_rng(0).random((50, 4))
    on = Situation(estimates_of(quality.tolist()), np.full((50, 4), np.nan), np.ones(50))
    sets = [RiskControlled(tau).decide(on).members for tau in np.linspace(0, 1, 21)]
    assert all((smaller <= larger).all() for larger, smaller in pairwise(sets))
    assert sets[0].all() and (sets[-1].sum(axis=1) == 1).all()


def test_infeasible_arms_are_not_called() -> None:
    mask = np.array([[True, False, True]])
    decision = RiskControlled(0.5).decide(Situation(estimates_of(QUALITY), UNKNOWN, np.ones(1), mask))
    assert decision.members.tolist() == [[True, False, False]] and decision.arm.tolist() == [0]


@pytest.mark.parametrize(("controlled", "reason"), [(True, "risk_controlled"), (False, "risk_uncontrolled")])
def test_a_decision_says_whether_its_risk_is_controlled(controlled: bool, reason: str) -> None:
    decision = RiskControlled(0.5, controlled).decide(Situation(estimates_of(QUALITY), UNKNOWN, np.ones(1)))
    assert decision.reason == (reason,)


@pytest.mark.parametrize(("tau", "margin"), [(0.55, 0.05), (0.05, 0.25), (0.95, 0.05)])
def test_the_margin_is_the_nearest_quality_or_the_lead(tau: float, margin: float) -> None:
    """0.6 from 0.55; 0.3 from 0.05; 0.9 from 0.95, nearer than its lead of 0.3."""
    found = RiskControlled(tau).margin(Situation(estimates_of(QUALITY), UNKNOWN, np.ones(1)))
    assert found.tolist() == pytest.approx([margin])
