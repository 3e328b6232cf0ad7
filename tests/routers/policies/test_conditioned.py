import numpy as np
import pytest

from anabranch.routers.policies.argmax_utility import utility_knots
from anabranch.routers.policies.conditioned import Conditioned
from anabranch.routers.policies.policy import Situation
from tests.routers.policies.arrays import estimates_of


@pytest.mark.parametrize("tradeoff", [0.0, 0.5, 1.0])
def test_the_highest_score_answers_whatever_the_knob(tradeoff: float) -> None:
    """The estimator has read the knob already; among equals the cheaper arm."""
    estimates = estimates_of([[3.0, -1.0], [2.0, 2.0]])
    decision = Conditioned().decide(Situation(estimates, np.array([[5.0, 1.0]] * 2), np.full(2, tradeoff)))
    assert decision.arm.tolist() == [0, 1] and decision.reason == ("max_score", "max_score")


def test_the_margin_is_the_lead() -> None:
    margin = Conditioned().margin(Situation(estimates_of([[3.0, -1.0], [2.0, 2.0]]), np.zeros((2, 2)), np.ones(2)))
    assert margin.tolist() == [4.0, 0.0]


def test_knots_are_those_the_scores_were_trained_for() -> None:
    assert Conditioned().knots(9).tolist() == utility_knots(9).tolist()
