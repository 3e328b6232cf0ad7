import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anabranch.routers.policies.policy import Bools, Decision, Floats, Situation
from anabranch.routers.policies.random_arm import RandomArm
from tests.routers.policies.arrays import estimates_of


def decide(policy: RandomArm, u: list[float] | Floats | None, arms: int = 3, mask: Bools | None = None) -> Decision:
    """On as many rows as there are draws, one if there is none."""
    rows = 1 if u is None else len(u)
    estimates = estimates_of([[0.5] * arms] * rows)
    draws = None if u is None else np.asarray(u)
    return policy.decide(Situation(estimates, np.full((rows, arms), np.nan), np.ones(rows), mask, draws))


def test_arms_share_the_draws_by_hand() -> None:
    """Weights 1, 2, 1: the arms end at 0.25, 0.75 and 1."""
    decision = decide(RandomArm((1.0, 2.0, 1.0)), [0.0, 0.2499, 0.25, 0.74, 0.75, 0.9999])
    assert decision.arm.tolist() == [0, 0, 1, 1, 2, 2]
    assert decision.propensity.tolist() == [[0.25, 0.5, 0.25]] * 6
    assert set(decision.reason) == {"drawn"}


def test_without_weights_every_arm_is_as_likely() -> None:
    """Equal steps of u reach each of three arms equally often."""
    decision = decide(RandomArm(), (np.arange(300) + 0.5) / 300)
    assert np.bincount(decision.arm).tolist() == [100, 100, 100]
    np.testing.assert_allclose(decision.propensity, 1 / 3)


def test_what_is_not_feasible_shares_its_chance() -> None:
    """Weights 1, 2, 1 without the second: a half each."""
    mask = np.array([[True, False, True]] * 2)
    decision = decide(RandomArm((1.0, 2.0, 1.0)), [0.49, 0.51], mask=mask)
    assert decision.arm.tolist() == [0, 2] and decision.propensity.tolist() == [[0.5, 0.0, 0.5]] * 2


def test_arms_of_weight_0_answer_only_where_nothing_else_can() -> None:
    never_first, only_first = np.array([[True, True, True]]), np.array([[True, False, False]])
    policy = RandomArm((0.0, 1.0, 1.0))
    assert decide(policy, [0.0], mask=never_first).arm.tolist() == [1]
    assert decide(policy, [0.999], mask=only_first).arm.tolist() == [0]


@given(u=st.floats(0, 1, exclude_max=True), weights=st.lists(st.sampled_from([0.0, 0.1, 0.3, 1.0]), min_size=2))
def test_every_draw_below_1_meets_an_arm_that_has_a_chance(u: float, weights: list[float]) -> None:
    weights[0] = weights[0] or 0.7
    decision = decide(RandomArm(tuple(weights)), [u], arms=len(weights))
    assert decision.propensity[0, decision.arm[0]] > 0 and decision.members[0].sum() == 1


def test_where_nothing_is_drawn_the_middle_arm_answers_with_certainty() -> None:
    decision = decide(RandomArm(), None)
    assert decision.arm.tolist() == [1] and decision.propensity.tolist() == [[0.0, 1.0, 0.0]]
    assert decision.reason == ("undrawn",)


def test_the_largest_draw_below_1_reaches_the_last_arm_despite_rounding() -> None:
    """Seven sevenths add up to less than that draw in floats."""
    largest = float(np.nextafter(1.0, 0.0))
    decision = decide(RandomArm(), [largest], arms=7)
    assert decision.propensity[0].cumsum()[-1] < largest
    assert decision.arm.tolist() == [6]


def test_permuting_arms_permutes_their_chances() -> None:
    order = [2, 0, 1]
    weights = np.array([0.5, 0.2, 0.3])
    one, other = (decide(RandomArm(tuple(given)), [0.4]) for given in (weights, weights[order]))
    np.testing.assert_allclose(other.propensity, one.propensity[:, order])


def test_no_quality_changes_the_draw() -> None:
    situation = Situation(estimates_of([[0.9, 0.1]]), np.zeros((1, 2)), np.ones(1), u=np.array([0.7]))
    assert RandomArm().decide(situation).arm.tolist() == [1]
    assert RandomArm().margin(situation).tolist() == [np.inf]


@pytest.mark.parametrize("weights", [(-1.0, 2.0), (0.0, 0.0), (np.nan, 1.0), (np.inf, 1.0)])
def test_weights_that_are_no_chances_are_refused(weights: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"weights are .*; give one an arm, at least 0, and one above 0"):
        RandomArm(weights)


def test_as_many_weights_as_arms() -> None:
    with pytest.raises(ValueError, match="there are 2 weights and 3 arms; give one an arm, or none"):
        decide(RandomArm((0.5, 0.5)), [0.1])
