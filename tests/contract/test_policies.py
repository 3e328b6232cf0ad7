"""The policy contract, for every row of POLICIES."""

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Bools, Decision, Floats, Policy, Situation
from anabranch.routers.policies.registry import POLICIES, load_policy, policy_settings
from anabranch.routers.policies.threshold_pair import ThresholdPair

ROWS = tuple(POLICIES)
rows = pytest.mark.parametrize("row", ROWS)

REFUSES_UNKNOWN_COSTS = {
    "argmax-utility": (0.0, 0.5),
    "budget-cap": (0.0, 0.5),
    "cheapest-above": (0.0, 0.5, 1.0),
    "dual-price": (0.0, 0.5),
    "ucb": (0.0, 0.5),
}
"""At which trade-offs; the other policies never look at costs."""

DRAWS = ("random",)
"""Rows that share a draw out among the arms in their order: permuting arms permutes chances, not the draw."""

RISING_COST = ("argmax-utility", "budget-cap", "cheapest-above", "dual-price")
"""Rows whose estimated cost never falls when the knob rises, whatever the estimates."""


@dataclass(frozen=True, eq=False)
class Case:
    """Estimates on a grid of sixteenths, so that ties are common and sums are exact."""

    estimates: Estimates[Floats]
    cost_usd: Floats
    tradeoff: Floats
    mask: Bools
    u: Floats

    def decide(self, policy: Policy, mask: Bools | None = None) -> Decision:
        return policy.decide(Situation(self.estimates, self.cost_usd, self.tradeoff, mask, self.u))

    def policy(self, row: str) -> Policy:
        return load_policy(row, {}).fitted(self.estimates, self.cost_usd)

    def at(self, index: NDArray[Any]) -> "Case":
        picked = Estimates(*(part[index] for part in self.estimates))
        return Case(picked, self.cost_usd[index], self.tradeoff[index], self.mask[index], self.u[index])

    def arms(self, order: NDArray[Any]) -> "Case":
        permuted = Estimates(*(part[:, order] for part in self.estimates))
        return Case(permuted, self.cost_usd[:, order], self.tradeoff, self.mask[:, order], self.u)


def grid(shape: tuple[int, ...], top: int = 16) -> st.SearchStrategy[Floats]:
    return arrays(np.float64, shape, elements=st.integers(0, top).map(lambda number: number / 16))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One to five prompts, two to four arms; one of the first two arms is feasible."""
    shape = draw(st.integers(1, 5)), draw(st.integers(2, 4))
    quality, spread, cost_usd = draw(grid(shape)), draw(grid(shape, 4)), draw(grid(shape, 64))
    mask = draw(arrays(np.bool_, shape))
    mask[:, 0] |= ~mask[:, 1]
    estimates = Estimates(quality.astype(np.float32), cost_usd.astype(np.float32), spread.astype(np.float32))
    return Case(estimates, cost_usd, draw(grid((shape[0],))), mask, draw(grid((shape[0],), 15)))


@rows
@given(case=cases())
def test_a_decision_is_one_feasible_arm_a_row(row: str, case: Case) -> None:
    decision = case.decide(case.policy(row), case.mask)
    every = np.arange(len(case.tradeoff))
    assert case.mask[every, decision.arm].all()
    assert decision.members[every, decision.arm].all() and case.mask[decision.members].all()
    assert decision.members.shape == decision.propensity.shape == case.mask.shape
    np.testing.assert_array_equal(decision.propensity.sum(axis=1), 1.0)
    assert (decision.propensity[every, decision.arm] > 0).all()
    assert len(decision.reason) == len(every) and all(decision.reason)


@rows
@given(case=cases())
def test_each_row_is_decided_by_itself(row: str, case: Case) -> None:
    policy = case.policy(row)
    together = case.decide(policy, case.mask).arm.tolist()
    alone = [case.at(np.array([i])) for i in range(len(together))]
    assert [int(one.decide(policy, one.mask).arm[0]) for one in alone] == together


@rows
@given(case=cases())
def test_deciding_changes_nothing(row: str, case: Case) -> None:
    before = [part.copy() for part in (*case.estimates, case.cost_usd, case.tradeoff, case.mask, case.u)]
    case.decide(case.policy(row), case.mask)
    after = (*case.estimates, case.cost_usd, case.tradeoff, case.mask, case.u)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize("row", [row for row in ROWS if row not in DRAWS])
@given(case=cases(), data=st.data())
def test_permuting_arms_permutes_decisions(row: str, case: Case, data: st.DataObject) -> None:
    """Where no two arms cost the same: of arms equal in everything the first answers."""
    case = replace(case, cost_usd=case.cost_usd + np.arange(case.mask.shape[1]) / 1024)
    policy = case.policy(row)
    order = np.array(data.draw(st.permutations(range(case.mask.shape[1]))))
    permuted = case.arms(order)
    second = permuted.decide(_with_arms(policy, order), permuted.mask).arm
    assert order[second].tolist() == case.decide(policy, case.mask).arm.tolist()


def _with_arms(policy: Policy, order: NDArray[Any]) -> Policy:
    """The same policy where arm `order[i]` has become arm i."""
    if not isinstance(policy, ThresholdPair):
        return policy
    place = order.argsort()
    return replace(policy, strong=int(place[policy.strong]), weak=int(place[policy.weak]))


@rows
@given(case=cases(), data=st.data())
def test_what_is_smaller_than_half_the_margin_changes_no_decision(row: str, case: Case, data: st.DataObject) -> None:
    """Two qualities can move towards each other by half the margin each."""
    policy = case.policy(row)
    margin = np.minimum(policy.margin(Situation(case.estimates, case.cost_usd, case.tradeoff)), 4.0)
    assert margin.shape == case.tradeoff.shape and (margin >= 0).all()
    push = data.draw(arrays(np.float64, case.mask.shape, elements=st.sampled_from([-0.49, 0.0, 0.49])))
    quality = case.estimates.quality.astype(np.float64) + push * margin[:, None]
    moved = replace(case, estimates=case.estimates._replace(quality=quality))
    assert case.decide(policy).arm.tolist() == moved.decide(policy).arm.tolist()


@pytest.mark.parametrize("row", (*RISING_COST, "ucb"))
@given(case=cases(), data=st.data())
def test_a_rising_knob_never_makes_a_request_cheaper(row: str, case: Case, data: st.DataObject) -> None:
    low, high = sorted(data.draw(st.lists(st.integers(0, 64), min_size=2, max_size=2)))
    policy = load_policy(row, {"scale_usd": 0.5} if row == "argmax-utility" else {})
    policy = policy if row == "argmax-utility" else policy.fitted(case.estimates, case.cost_usd)
    every = np.arange(len(case.tradeoff))
    spent = []
    for knob in (low, high):
        turned = replace(case, tradeoff=np.full(len(every), knob / 64))
        spent.append(case.cost_usd[every, turned.decide(policy, case.mask).arm])
    assert (spent[0] <= spent[1]).all()


@pytest.mark.parametrize("row", RISING_COST)
@given(case=cases())
def test_the_ends_of_the_knob_are_cheapest_and_best(row: str, case: Case) -> None:
    """Among feasible arms; the best at the lowest cost among equals."""
    policy, every = case.policy(row), np.arange(len(case.tradeoff))
    cost_usd = np.where(case.mask, case.cost_usd, np.inf)
    quality = np.where(case.mask, case.estimates.quality, -np.inf)
    cheapest = replace(case, tradeoff=np.zeros(len(every))).decide(policy, case.mask).arm
    best = replace(case, tradeoff=np.ones(len(every))).decide(policy, case.mask).arm
    assert (cost_usd[every, cheapest] == cost_usd.min(axis=1)).all()
    assert (quality[every, best] == quality.max(axis=1)).all()
    tied = quality == quality.max(axis=1, keepdims=True)
    assert (cost_usd[every, best] == np.where(tied, cost_usd, np.inf).min(axis=1)).all()


@rows
def test_a_row_without_a_feasible_arm_is_named(row: str) -> None:
    case = example()
    mask = np.array([[True, True], [False, False]])
    with pytest.raises(ValueError, match=r"row 1 has no feasible arm: relax the request's needs or add an arm"):
        case.decide(case.policy(row), mask)


@rows
def test_a_mask_of_another_shape_is_refused(row: str) -> None:
    case = example()
    with pytest.raises(ValueError, match=r"mask has shape \(2, 3\); estimates have \(2, 2\)"):
        case.decide(case.policy(row), np.ones((2, 3), bool))


@rows
@pytest.mark.parametrize("tradeoff", [0.0, 0.5, 1.0])
def test_unknown_costs_are_refused_where_they_are_needed(row: str, tradeoff: float) -> None:
    case = example()
    policy = case.policy(row)
    unknown = replace(case, cost_usd=np.array([[1.0, np.nan], [1.0, 2.0]]), tradeoff=np.full(2, tradeoff))
    if tradeoff in REFUSES_UNKNOWN_COSTS.get(row, ()):
        with pytest.raises(ValueError, match=r"needs a cost for every arm and some are unknown; give --prices"):
            unknown.decide(policy)
    else:
        assert (
            unknown.decide(policy).arm.tolist() == replace(case, tradeoff=unknown.tradeoff).decide(policy).arm.tolist()
        )


@rows
@given(case=cases())
def test_settings_come_back_from_json(row: str, case: Case) -> None:
    policy = case.policy(row)
    assert load_policy(row, json.loads(json.dumps(policy_settings(policy)))) == policy


@rows
def test_an_unknown_setting_is_refused_with_the_known_ones(row: str) -> None:
    known = ", ".join(policy_settings(load_policy(row, {})))
    with pytest.raises(ValueError, match=rf"policy '{row}' has no setting 'lambda'; its settings: {known}"):
        load_policy(row, {"lambda": 2.0})


@rows
@pytest.mark.parametrize("count", [3, 21])
def test_knots_rise_from_0_to_1(row: str, count: int) -> None:
    knots = load_policy(row, {}).knots(count)
    assert len(knots) == count and knots[0] == 0 and knots[-1] == 1 and (np.diff(knots) > 0).all()


@rows
def test_needs_cost_says_whether_the_knob_needs_costs(row: str) -> None:
    assert load_policy(row, {}).needs_cost == (row in REFUSES_UNKNOWN_COSTS)


def example() -> Case:
    """Two prompts, two arms, at the best end of the knob."""
    quality = np.array([[0.25, 0.75], [0.75, 0.25]])
    estimates = Estimates(quality, np.zeros((2, 2)), np.zeros((2, 2)))
    return Case(
        estimates, np.array([[1.0, 2.0], [1.0, 2.0]]), np.ones(2), np.ones((2, 2), bool), np.array([0.25, 0.75])
    )
