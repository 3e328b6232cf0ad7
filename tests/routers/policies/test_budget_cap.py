import numpy as np
import pytest

from anabranch.routers.policies.budget_cap import BudgetCap
from anabranch.routers.policies.policy import Situation
from tests.routers.policies.arrays import estimates_of

NAN, INF = np.nan, np.inf
QUALITY = [[0.9, 0.6, 0.3]]
COST = np.array([[4.0, 2.0, 1.0]])
POLICY = BudgetCap(caps_usd=(0.0, 10.0))  # the cap is ten times the trade-off


@pytest.mark.parametrize(
    ("tradeoff", "arm", "reason"),
    [
        (0.0, 2, "cheapest_beyond"),
        (0.05, 2, "cheapest_beyond"),
        (0.1, 2, "best_within"),
        (0.19, 2, "best_within"),
        (0.2, 1, "best_within"),
        (0.4, 0, "best_within"),
        (1.0, 0, "best_within"),
    ],
)
def test_the_best_arm_within_the_cap(tradeoff: float, arm: int, reason: str) -> None:
    """Caps 0, 0.5, 1, 1.9, 2, 4 and none against costs 1, 2 and 4; a cost that equals the cap is within it."""
    decision = POLICY.decide(Situation(estimates_of(QUALITY), COST, np.array([tradeoff])))
    assert decision.arm.tolist() == [arm] and decision.reason == (reason,)


def test_a_dear_arm_that_is_worse_is_never_called() -> None:
    decision = POLICY.decide(Situation(estimates_of([[0.3, 0.6, 0.5]]), COST, np.ones(1)))
    assert decision.arm.tolist() == [1]


@pytest.mark.parametrize("tradeoff", [0.0, 0.05])
def test_beyond_the_cap_the_best_of_the_cheapest_answers(tradeoff: float) -> None:
    decision = POLICY.decide(Situation(estimates_of(QUALITY), np.array([[4.0, 1.0, 1.0]]), np.array([tradeoff])))
    assert decision.arm.tolist() == [1] and decision.reason == ("cheapest_beyond",)


def test_the_cheapest_arm_is_the_cheapest_feasible_one() -> None:
    """Of the costs 4 and 2 that are left none is within 0.5."""
    mask = np.array([[True, True, False]])
    decision = POLICY.decide(Situation(estimates_of(QUALITY), COST, np.array([0.05]), mask))
    assert decision.arm.tolist() == [1] and decision.reason == ("cheapest_beyond",)


def test_the_margin_is_the_lead_within_the_cap() -> None:
    """Cap 2: 0.6 over 0.3; cap 1: one arm, no rival; no cap: 0.9 over 0.6."""
    margin = POLICY.margin(Situation(estimates_of(QUALITY * 3), np.tile(COST, (3, 1)), np.array([0.2, 0.1, 1.0])))
    assert margin.tolist() == pytest.approx([0.3, INF, 0.3])


def test_fitting_takes_quantiles_of_all_costs() -> None:
    """0 to 2 USD in steps of 1/100 over two arms: the middle quantile is 1 USD."""
    cost_usd = np.append(np.linspace(0, 2, 201), 1.0).reshape(101, 2)
    policy = BudgetCap().fitted(estimates_of([[0.0, 0.0]] * 101), cost_usd)
    assert len(policy.caps_usd) == 201
    assert [policy.caps_usd[place] for place in (0, 100, 200)] == pytest.approx([0.0, 1.0, 2.0])


def test_unknown_costs_leave_no_scale_but_the_best_arm_needs_none() -> None:
    unknown = np.array([[1.0, NAN, 2.0]])
    policy = BudgetCap().fitted(estimates_of(QUALITY), unknown)
    assert policy == BudgetCap()
    assert policy.decide(Situation(estimates_of(QUALITY), unknown, np.ones(1))).arm.tolist() == [0]
    with pytest.raises(ValueError, match="budget-cap has no scale yet: fit it on validation estimates first"):
        policy.decide(Situation(estimates_of(QUALITY), COST, np.array([0.5])))
