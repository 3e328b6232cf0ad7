from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.dual_price import ABOVE, DualPrice
from anabranch.training.assignment import UNSERVED, Arms, Floats, assign, assign_greedily

QUALITY = [[0.2, 0.8], [0.5, 0.7], [0.1, 0.9]]
COST = [[1.0, 3.0]] * 3
seeds = st.integers(0, 2**32 - 1)


def instance(seed: int, prompts: int, arms: int = 3) -> tuple[Floats, Floats, np.random.Generator]:
    rng = np.random.default_rng(seed)
    return rng.random((prompts, arms)), rng.random((prompts, arms)) * 1e-3, rng


def sums(arm: Arms, cells: Floats) -> float:
    served = np.flatnonzero(arm != UNSERVED)
    return float(cells[served, arm[served]].sum())


def test_a_budget_buys_the_steps_that_gain_most() -> None:
    """Every prompt served costs 3 USD and gains 0.8; the dearer arm gains 0.6, 0.2 and 0.8 for 2 USD more.

    7 USD pay for two of them, 0.8 + 0.6, and the third step of 0.2 for 2 USD is what one more USD would go to.
    """
    found = assign(QUALITY, COST, budget_usd=7.5, penalty=1.0)
    assert found.arm.tolist() == [1, 0, 1]
    assert (found.quality, found.cost_usd, found.value) == pytest.approx((2.2, 7.0, 2.2))
    assert (found.bound, found.price) == pytest.approx((2.2 + 0.5 * 0.1, 0.1))


def test_a_budget_too_small_for_all_leaves_prompts_unserved() -> None:
    """2 USD serve two cheap arms: the best two are 0.5 and 0.2; the third prompt costs its penalty."""
    found = assign(QUALITY, COST, budget_usd=2.0, penalty=0.25)
    assert found.arm.tolist() == [0, 0, UNSERVED]
    assert (found.value, found.quality, found.cost_usd) == pytest.approx((0.45, 0.7, 2.0))


def test_a_floor_is_reached_at_the_least_cost_with_every_prompt_served() -> None:
    """0.5 a prompt are 1.5 in all: 0.8 as they are and 0.7 more, of which the step of 0.8 gives enough for 2 USD.

    A fraction 0.7 / 0.8 of it would do, 1.75 USD; a unit of quality costs 2.5 USD there, so one USD is worth 0.4.
    """
    found = assign(QUALITY, COST, floor=0.5)
    assert found.arm.tolist() == [0, 0, 1]
    assert (found.value, found.cost_usd, found.quality) == pytest.approx((-5.0, 5.0, 1.6))
    assert (found.bound, found.price) == pytest.approx((-4.75, 0.4))


def test_a_floor_below_the_cheapest_arms_costs_nothing() -> None:
    found = assign(QUALITY, COST, floor=0.25)
    assert found.arm.tolist() == [0, 0, 0] and found.price == np.inf


def test_greedy_serves_who_comes_first() -> None:
    """3 and 3 of 7 USD; then 1 USD is left for a best arm of 3, though the cheap arm costs 1."""
    assert assign_greedily(QUALITY, COST, 7.0).tolist() == [1, 1, UNSERVED]


def test_greedy_goes_on_after_a_prompt_it_cannot_pay() -> None:
    assert assign_greedily([[0.9], [0.9], [0.9]], [[1.0], [5.0], [1.0]], 2.0).tolist() == [0, UNSERVED, 0]


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_relaxation_is_at_least_the_optimum_which_is_at_least_greedy(seed: int) -> None:
    quality, cost_usd, rng = instance(seed, prompts=12)
    budget = float(rng.uniform(0, cost_usd.max(axis=1).sum()))
    found, greedy = assign(quality, cost_usd, budget_usd=budget), assign_greedily(quality, cost_usd, budget)
    slack = 1e-6 * 12
    assert found.bound + slack >= found.value >= sums(greedy, quality) - slack
    assert found.cost_usd <= budget + 1e-6 * cost_usd.max() and sums(greedy, cost_usd) <= budget
    assert found.value == pytest.approx(sums(found.arm, quality)) and found.price >= 0


@given(seed=seeds, penalty=st.sampled_from([0.0, 0.5]))
@settings(max_examples=40, deadline=None)
def test_no_other_assignment_of_a_tiny_batch_is_better(seed: int, penalty: float) -> None:
    """All 4^4 with some unserved under a budget, all 3^4 above a floor."""
    quality, cost_usd, rng = instance(seed, prompts=4)
    budget, floor = float(rng.uniform(0, cost_usd.sum() / 2)), float(rng.uniform(0, quality.max(axis=1).mean()))
    every = [np.array(arm) for arm in product((UNSERVED, 0, 1, 2), repeat=4)]
    within = [arm for arm in every if sums(arm, cost_usd) <= budget]
    served = [arm for arm in every if (arm != UNSERVED).all() and sums(arm, quality) >= 4 * floor]
    best = max(sums(arm, quality) - penalty * (arm == UNSERVED).sum() for arm in within)
    least = min(sums(arm, cost_usd) for arm in served)
    assert assign(quality, cost_usd, budget_usd=budget, penalty=penalty).value == pytest.approx(best, abs=1e-5)
    assert -assign(quality, cost_usd, floor=floor).value == pytest.approx(least, rel=1e-5)


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_deciding_each_prompt_at_the_dual_price_is_within_one_prompt_of_the_optimum(seed: int) -> None:
    """The relaxation splits at most one prompt between two choices; the rule gives it the cheaper of them."""
    quality, cost_usd, rng = instance(seed, prompts=12)
    budget = float(rng.uniform(0, cost_usd.max(axis=1).sum()))
    found = assign(quality, cost_usd, budget_usd=budget)
    worth = quality - found.price * ABOVE * cost_usd
    arm = np.where(worth.max(axis=1) > 0, worth.argmax(axis=1), UNSERVED)
    assert sums(arm, cost_usd) <= budget * (1 + 1e-9)
    assert sums(arm, quality) >= found.bound - quality.max() - 1e-6


@given(seed=seeds, knob=st.integers(1, 199))
@settings(max_examples=40, deadline=None)
def test_the_policys_price_is_the_relaxations_dual(seed: int, knob: int) -> None:
    """Where serving a prompt is never in question; the policy finds it along the hulls, HiGHS by the simplex method."""
    quality, cost_usd, _ = instance(seed, prompts=12)
    policy = DualPrice().fitted(Estimates(quality, cost_usd, np.zeros((12, 3))), cost_usd)
    best = cost_usd[np.arange(12), quality.argmax(axis=1)].sum()
    least = cost_usd.min(axis=1).sum()
    found = assign(quality, cost_usd, budget_usd=least + (best - least) * knob / 200, penalty=1e6)
    assert policy.price(np.array([knob / 200])).item() == pytest.approx(found.price, rel=1e-5)


@pytest.mark.parametrize(
    ("quality", "cost_usd", "words"),
    [
        ([[0.5, 0.5]], [[1.0, np.nan]], r"cost_usd\[0, 1\] is nan: an assignment needs every cell known"),
        ([[0.5, np.nan]], [[1.0, 1.0]], r"quality\[0, 1\] is nan"),
        ([[0.5]], [[1.0, 1.0]], r"quality has shape \(1, 1\) and cost_usd \(1, 2\)"),
        (np.zeros((0, 2)), np.zeros((0, 2)), "not empty"),
        ([[0.5]], [[-1.0]], "cost_usd falls to -1; a cost is at least 0"),
    ],
)
def test_unknown_or_impossible_cells_are_refused(quality: Floats, cost_usd: Floats, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        assign(quality, cost_usd, budget_usd=1.0)
    with pytest.raises(ValueError, match=words):
        assign_greedily(quality, cost_usd, 1.0)


def test_limits_that_make_no_sense_are_refused() -> None:
    for limits in ({}, {"budget_usd": 1.0, "floor": 0.5}):
        with pytest.raises(ValueError, match="give exactly one of budget_usd and floor"):
            assign(QUALITY, COST, **limits)
    with pytest.raises(ValueError, match="budget_usd is -1; it must be at least 0"):
        assign(QUALITY, COST, budget_usd=-1.0)
    with pytest.raises(ValueError, match=r"no assignment reaches a mean quality of 0.9; the best arms reach 0.8000"):
        assign(QUALITY, COST, floor=0.9)
