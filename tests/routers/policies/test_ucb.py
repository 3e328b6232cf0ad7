import numpy as np
import pytest

from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Situation
from anabranch.routers.policies.ucb import UCB
from tests.routers.policies.arrays import estimates_of

FREE = np.zeros((1, 2))


@pytest.mark.parametrize(("alpha", "arm"), [(0.0, 0), (0.9, 0), (1.1, 1)])
def test_optimism_is_alpha_standard_deviations(alpha: float, arm: int) -> None:
    """0.5 + 0.1 alpha against 0.3 + 0.3 alpha: equal at alpha = 1."""
    estimates = estimates_of([[0.5, 0.3]], spread=[[0.1, 0.3]])
    assert UCB(alpha).decide(Situation(estimates, FREE, np.ones(1))).arm.tolist() == [arm]


def test_the_margin_is_the_optimistic_lead() -> None:
    """0.5 + 0.2 - (0.3 + 0.6), at t = 0.5 half of it."""
    estimates = estimates_of([[0.5, 0.3]], spread=[[0.1, 0.3]])
    assert UCB(2.0).margin(Situation(estimates, FREE, np.ones(1))).tolist() == pytest.approx([0.2])
    assert UCB(2.0).margin(Situation(estimates, FREE, np.array([0.5]))).tolist() == pytest.approx([0.1])


def test_without_spread_or_alpha_it_is_the_utility_inside() -> None:
    """t = 0.5, scale 2 USD: 0.25 - 0.5 * 2/2 against 0.1 - 0.5 * 0.2/2."""
    inner, cost_usd = ArgmaxUtility(scale_usd=2.0), np.array([[2.0, 0.2]])
    estimates = estimates_of([[0.5, 0.2]], spread=[[9.0, 0.0]])
    for policy in (inner, UCB(0.0, inner)):
        assert policy.decide(Situation(estimates, cost_usd, np.array([0.5]))).arm.tolist() == [1]


def test_fitting_reaches_the_utility_inside() -> None:
    fitted = UCB(3.0).fitted(estimates_of([[0.0, 0.0]]), np.array([[1.0, 5.0]]))
    assert fitted == UCB(3.0, ArgmaxUtility(5.0))
