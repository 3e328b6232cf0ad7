import numpy as np
import pytest

from anabranch.routers.policies.cheapest_above import CheapestAbove
from anabranch.routers.policies.policy import Situation
from tests.routers.policies.arrays import estimates_of

COST = np.array([[3.0, 2.0, 1.0]])
QUALITY = [[0.9, 0.6, 0.3]]


@pytest.mark.parametrize(
    ("tradeoff", "arm", "reason"),
    [
        (0.0, 2, "cheapest_above"),
        (0.3, 2, "cheapest_above"),
        (0.5, 1, "cheapest_above"),
        (0.7, 0, "cheapest_above"),
        (0.95, 0, "best_below"),
        (1.0, 0, "best_below"),
    ],
)
def test_the_cheapest_arm_that_reaches_the_floor(tradeoff: float, arm: int, reason: str) -> None:
    """With quantiles 0 and 1 the floor is the trade-off itself; where no arm reaches it the best answers."""
    decision = CheapestAbove((0.0, 1.0)).decide(Situation(estimates_of(QUALITY), COST, np.array([tradeoff])))
    assert decision.arm.tolist() == [arm] and decision.reason == (reason,)


def test_the_floor_is_interpolated_between_quantiles() -> None:
    """A quarter of the way lies between 0.2 and 0.8, at 0.5: 0.6 reaches it, 0.3 does not."""
    policy = CheapestAbove((0.2, 0.8, 1.0))
    assert policy.decide(Situation(estimates_of(QUALITY), COST, np.array([0.25]))).arm.tolist() == [1]


def test_reaching_the_floor_exactly_is_enough() -> None:
    policy = CheapestAbove((0.5, 0.5))
    assert policy.decide(Situation(estimates_of([[0.9, 0.5, 0.25]]), COST, np.array([0.5]))).arm.tolist() == [1]


def test_of_equally_cheap_arms_the_first_answers() -> None:
    decision = CheapestAbove((0.0, 1.0)).decide(Situation(estimates_of(QUALITY), np.ones((1, 3)), np.array([0.5])))
    assert decision.arm.tolist() == [0]


def test_the_margin_is_the_nearest_quality_or_the_lead() -> None:
    """Floor 0.5: 0.6 is 0.1 away. Floor 0.95: 0.9 is 0.05 away, nearer than its lead 0.3. At t = 1 only the lead."""
    policy = CheapestAbove((0.0, 1.0))
    margins = [
        policy.margin(Situation(estimates_of(QUALITY), COST, np.array([knob]))).item() for knob in (0.5, 0.95, 1.0)
    ]
    assert margins == pytest.approx([0.1, 0.05, 0.3])


def test_fitting_takes_quantiles_of_all_qualities() -> None:
    """0 to 1 in steps of 1/200, as two arms' qualities: the quantiles are themselves."""
    quality = np.linspace(0, 1, 201)
    rows = np.stack([quality[::2], np.append(quality[1::2], 0.5)], axis=1)
    policy = CheapestAbove().fitted(estimates_of(rows.tolist()), np.zeros(rows.shape))
    assert len(policy.quantiles) == 201
    assert policy.quantiles == pytest.approx(quality, abs=1 / 200)
    assert policy.quantiles[0] == 0.0 and policy.quantiles[-1] == 1.0


def test_a_floor_needs_a_scale() -> None:
    with pytest.raises(ValueError, match="cheapest-above has no scale yet: fit it on validation estimates first"):
        CheapestAbove().decide(Situation(estimates_of(QUALITY), COST, np.array([0.5])))
