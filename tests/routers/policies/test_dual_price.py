import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.dual_price import ABOVE, DualPrice, upgrades
from anabranch.routers.policies.policy import Situation
from tests.routers.policies.arrays import estimates_of

NAN = np.nan
QUALITY = [[0.2, 0.5, 0.6], [0.4, 0.3, 0.8]]
COST = np.array([[1.0, 2.0, 4.0], [1.0, 2.0, 3.0]])
# steps: prompt 0 by 0.3 for 1 USD, then by 0.1 for 2 USD; prompt 1 by 0.4 for 2 USD, past an arm that is worse
FITTED = DualPrice().fitted(estimates_of(QUALITY), COST)


def test_upgrades_go_along_the_hull_of_each_prompt() -> None:
    """0.3 a USD, 0.2 a USD, 0.05 a USD."""
    gain, extra_usd = upgrades(np.array(QUALITY), COST)
    assert gain.tolist() == pytest.approx([0.3, 0.2, 0.05]) and extra_usd.tolist() == [1.0, 2.0, 2.0]


def test_an_arm_under_the_hull_is_no_step() -> None:
    """0.1 for the first USD and 0.5 for the next: going straight there gains 0.3 a USD."""
    gain, extra_usd = upgrades(np.array([[0.2, 0.3, 0.8]]), np.array([[1.0, 2.0, 3.0]]))
    assert gain.tolist() == pytest.approx([0.3]) and extra_usd.tolist() == [2.0]


def test_upgrades_begin_at_the_best_of_the_cheapest_arms() -> None:
    """Of two free arms the one worth 0.5: 0.2 for 1 USD."""
    gain, extra_usd = upgrades(np.array([[0.1, 0.5, 0.7]]), np.array([[0.0, 0.0, 1.0]]))
    assert gain.tolist() == pytest.approx([0.2]) and extra_usd.tolist() == [1.0]


def test_the_price_is_that_of_the_step_the_budget_does_not_reach() -> None:
    """5 USD lie between cheapest and best; 0.5 USD do not pay the step of 0.3, 1 and 2.5 pay it and not that of 0.2,
    3 and 4.5 pay both and not that of 0.05, and 5 pay all."""
    price = FITTED.price(np.array([0.1, 0.2, 0.5, 0.6, 0.9, 1.0]))
    assert price.tolist() == pytest.approx([0.3, 0.2, 0.2, 0.05, 0.05, 0.0])
    assert len(FITTED.prices) == 201 and FITTED.prices[0] == pytest.approx(0.3 * ABOVE)


@pytest.mark.parametrize(
    ("budget", "arms"),
    [(0.0, [0, 0]), (0.1, [0, 0]), (0.2, [1, 0]), (0.5, [1, 0]), (0.6, [1, 2]), (0.9, [1, 2]), (1.0, [2, 2])],
)
def test_decisions_on_the_prompts_it_was_fitted_on(budget: float, arms: list[int]) -> None:
    decision = FITTED.decide(Situation(estimates_of(QUALITY), COST, np.full(2, budget)))
    assert decision.arm.tolist() == arms and decision.reason == ("max_at_price",) * 2


def test_at_budget_0_the_best_of_the_cheapest_arms_answers_whatever_a_dearer_one_promises() -> None:
    on = Situation(estimates_of([[0.1, 0.5, 1.0]]), np.array([[0.0, 0.0, 1e-9]]), np.zeros(1))
    assert FITTED.decide(on).arm.tolist() == [1]
    assert FITTED.margin(on).tolist() == pytest.approx([0.4])


def test_the_margin_is_the_lead_at_the_price() -> None:
    """At 0.2 a USD: 0.5 - 0.4 over 0.2 - 0.2, and 0.4 - 0.2 equals 0.8 - 0.6."""
    margin = FITTED.margin(Situation(estimates_of(QUALITY), COST, np.full(2, 0.5)))
    assert margin.tolist() == pytest.approx([0.1, 0.0], abs=1e-8)


def test_an_infeasible_arm_is_passed_over() -> None:
    mask = np.array([[True, False, True], [True, True, False]])
    decision = FITTED.decide(Situation(estimates_of(QUALITY), COST, np.array([0.9, 1.0]), mask))
    assert decision.arm.tolist() == [2, 0]
    cheapest = FITTED.decide(
        Situation(estimates_of(QUALITY), COST, np.zeros(2), ~mask | np.array([[False, False, True]]))
    )
    assert cheapest.arm.tolist() == [1, 2]


def test_it_decides_as_argmax_utility_at_the_odds_of_its_price() -> None:
    """Price = (1 - t) / (t * scale): at 0.2 a USD and a scale of 1 USD t = 1 / 1.2."""
    at_price = FITTED.decide(Situation(estimates_of(QUALITY), COST, np.full(2, 0.5)))
    price = float(FITTED.price(np.array([0.5]))[0])
    at_odds = ArgmaxUtility().decide(Situation(estimates_of(QUALITY), COST, np.full(2, 1 / (1 + price))))
    assert at_price.arm.tolist() == at_odds.arm.tolist() == [1, 0]


@given(seed=st.integers(0, 2**32 - 1), knob=st.integers(0, 200))
def test_the_budget_is_kept_and_missed_by_less_than_one_step(seed: int, knob: int) -> None:
    """On the prompts it was fitted on, at the budgets of its table; grids make equal steps common.

    Equally steep steps are bought all or none, so what is left over is less than all steps of one price together.
    """
    rng = np.random.default_rng(seed)
    quality, cost_usd = rng.integers(0, 17, (2, 6, 3)) / 16
    policy = DualPrice().fitted(estimates_of(quality.tolist()), cost_usd)
    gain, extra_usd = upgrades(quality, cost_usd)
    budget = cost_usd.min(axis=1).sum() + extra_usd.sum() * knob / 200
    on = Situation(estimates_of(quality.tolist()), cost_usd, np.full(6, knob / 200))
    spent = cost_usd[np.arange(6), policy.decide(on).arm].sum()
    largest = max((extra_usd[np.isclose(gain, step)].sum() for step in gain), default=0.0)
    assert budget - largest - 1e-9 <= spent <= budget + 1e-9


def test_unknown_costs_leave_no_prices_but_the_best_arm_needs_none() -> None:
    unknown = np.array([[1.0, NAN, 2.0]])
    policy = DualPrice().fitted(estimates_of(QUALITY[:1]), unknown)
    assert policy == DualPrice()
    assert policy.decide(Situation(estimates_of(QUALITY[:1]), unknown, np.ones(1))).arm.tolist() == [2]
    with pytest.raises(ValueError, match="dual-price has no prices yet: fit it on validation estimates first"):
        policy.decide(Situation(estimates_of(QUALITY), COST, np.full(2, 0.5)))
