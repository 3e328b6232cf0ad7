import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.policies.argmax_utility import ArgmaxUtility, utility_knots
from anabranch.routers.policies.policy import Situation
from tests.routers.policies.arrays import estimates_of

NAN = np.nan
COST = np.array([[1.0, 4.0]])


def test_utility_by_hand() -> None:
    """At t = 0.75 and a scale of 4 USD: 0.75 * 0.4 - 0.25 * 1/4 and 0.75 * 0.8 - 0.25 * 4/4."""
    utility = ArgmaxUtility(scale_usd=4.0).utility(Situation(estimates_of([[0.4, 0.8]]), COST, np.array([0.75])))
    assert utility[0].tolist() == pytest.approx([0.2375, 0.35])


@pytest.mark.parametrize(("tradeoff", "arm"), [(0.0, 0), (0.65, 0), (0.66, 1), (1.0, 1)])
def test_the_choice_changes_where_utilities_are_equal(tradeoff: float, arm: int) -> None:
    """t * 0.4 = (1 - t) * 3/4 at t = 0.75 / 1.15 = 0.652."""
    decision = ArgmaxUtility(4.0).decide(Situation(estimates_of([[0.4, 0.8]]), COST, np.array([tradeoff])))
    assert decision.arm.tolist() == [arm] and decision.reason == ("max_utility",)


def test_equal_utilities_go_to_the_cheaper_arm() -> None:
    """At t = 0.5 and a scale of 1 USD a quarter of quality is worth a quarter of a USD; the dearer arm stands first."""
    cost_usd = np.array([[0.5, 0.25]])
    assert ArgmaxUtility().decide(Situation(estimates_of([[0.75, 0.5]]), cost_usd, np.array([0.5]))).arm.tolist() == [1]


def test_the_margin_is_the_lead_in_utility() -> None:
    """0.35 - 0.2375 as above; at t = 1 the lead in quality, 0.4, also where costs are unknown."""
    policy, estimates = ArgmaxUtility(4.0), estimates_of([[0.4, 0.8]])
    assert policy.margin(Situation(estimates, COST, np.array([0.75]))).tolist() == pytest.approx([0.1125])
    assert policy.margin(Situation(estimates, np.full((1, 2), NAN), np.ones(1))).tolist() == pytest.approx([0.4])


def test_rows_at_trade_off_1_may_have_unknown_costs_beside_rows_that_know_theirs() -> None:
    cost_usd = np.array([[1.0, 4.0], [NAN, NAN]])
    decision = ArgmaxUtility(4.0).decide(Situation(estimates_of([[0.4, 0.8]] * 2), cost_usd, np.array([0.5, 1.0])))
    assert decision.arm.tolist() == [0, 1]


def test_the_scale_is_the_mean_cost_of_the_priciest_arm() -> None:
    """Means 2 and 3."""
    cost_usd = np.array([[1.0, 4.0], [3.0, 2.0]])
    assert ArgmaxUtility().fitted(estimates_of([[0.0, 0.0]] * 2), cost_usd).scale_usd == 3.0


@pytest.mark.parametrize("cost_usd", [[[NAN, 1.0]], [[0.0, 0.0]]], ids=["unknown", "free"])
def test_the_scale_stays_where_costs_say_nothing(cost_usd: list[list[float]]) -> None:
    policy = ArgmaxUtility(scale_usd=7.0)
    assert policy.fitted(estimates_of([[0.0, 0.0]]), np.array(cost_usd)) == policy


def test_knots_are_geometric_in_the_odds() -> None:
    """Odds 10, 0.1 and 0.001 between the ends: 1/11, 1/1.1, 1/1.001."""
    assert utility_knots(5).tolist() == pytest.approx([0.0, 1 / 11, 1 / 1.1, 1 / 1.001, 1.0])


@given(seed=st.integers(0, 2**32 - 1), knob=st.integers(1, 63))
def test_linear_and_willingness_to_pay_are_this_policy_at_other_knobs(seed: int, knob: int) -> None:
    """t q - (1 - t) c / s, divided by t, is q - lambda c with lambda = (1 - t) / (t s); divided by lambda as well, it
    is w q - c with w = 1 / lambda. Rows whose two best utilities are nearly equal are left out: rounding decides them.
    """
    rng = np.random.default_rng(seed)
    quality, cost_usd = rng.random((2, 20, 4))
    policy, tradeoff = ArgmaxUtility(scale_usd=0.5), np.full(20, knob / 64)
    on = Situation(estimates_of(quality.tolist()), cost_usd, tradeoff)
    price = (1 - knob / 64) / (knob / 64 * 0.5)
    clear = policy.margin(on) > 1e-9
    chosen = policy.decide(on).arm[clear].tolist()
    assert (quality - price * cost_usd).argmax(axis=1)[clear].tolist() == chosen
    assert (1 / price * quality - cost_usd).argmax(axis=1)[clear].tolist() == chosen
