import numpy as np
import pytest

from anabranch.routers.policies.policy import Situation, best_then_cheapest, decided, lead, require_cost
from tests.routers.policies.arrays import estimates_of

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("score", "cost_usd", "arm"),
    [
        ([0.1, 0.9, 0.5], [1.0, 9.0, 5.0], 1),
        ([0.9, 0.9, 0.5], [2.0, 1.0, 0.0], 1),
        ([0.9, 0.9, 0.9], [1.0, 1.0, 1.0], 0),
        ([0.9, 0.9, 0.5], [NAN, 7.0, NAN], 1),
        ([0.5, 0.9, 0.9], [NAN, NAN, NAN], 1),
        ([-INF, 0.1, -INF], [0.0, 1.0, NAN], 1),
    ],
    ids=["best", "cheaper of a tie", "first of equals", "an unknown cost is the dearest", "no cost", "infeasible"],
)
def test_the_best_arm_then_the_cheapest_then_the_first(score: list[float], cost_usd: list[float], arm: int) -> None:
    assert best_then_cheapest(np.array([score]), np.array([cost_usd])).tolist() == [arm]


def test_a_decision_is_certain_of_its_arm() -> None:
    decision = decided(np.array([1, 0]), 3, "why")
    assert decision.members.tolist() == [[False, True, False], [True, False, False]]
    assert decision.propensity.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    assert decision.reason == ("why", "why")


def test_without_a_mask_every_arm_is_feasible() -> None:
    situation = Situation(estimates_of([[0.1] * 3] * 2), np.zeros((2, 3)), np.ones(2))
    assert situation.feasible.tolist() == [[True] * 3] * 2


def test_the_lead_is_over_the_second_best() -> None:
    """0.9 - 0.5; a tie; a single arm has no rival."""
    assert lead(np.array([[0.5, 0.9, 0.1], [0.9, 0.9, 0.0]])).tolist() == pytest.approx([0.4, 0.0])
    assert lead(np.array([[0.3]])).tolist() == [INF]


def test_unknown_costs_are_refused_by_the_policys_name() -> None:
    require_cost(np.array([[0.0, 1.0]]), "thrifty")
    with pytest.raises(ValueError, match="policy 'thrifty' needs a cost for every arm and some are unknown"):
        require_cost(np.array([[0.0, NAN]]), "thrifty")
