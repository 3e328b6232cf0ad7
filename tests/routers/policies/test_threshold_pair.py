import numpy as np
import pytest

from anabranch.routers.policies.policy import Situation
from anabranch.routers.policies.threshold_pair import ThresholdPair
from tests.routers.policies.arrays import estimates_of

NAN = np.nan
UNKNOWN = np.full((4, 2), NAN)
ADVANTAGES = estimates_of([[0.5, 0.4], [0.5, 0.6], [0.5, 0.7], [0.5, 0.9]])  # of arm 1: -0.1, 0.1, 0.2, 0.4


@pytest.mark.parametrize(
    ("share", "strong"),
    [(0.0, []), (0.25, [3]), (0.5, [2, 3]), (0.75, [1, 2, 3]), (1.0, [0, 1, 2, 3])],
)
def test_the_knob_is_the_share_of_the_strong_arm(share: float, strong: list[int]) -> None:
    """On the prompts it was fitted on."""
    policy = ThresholdPair(strong=1, weak=0).fitted(ADVANTAGES, UNKNOWN)
    decision = policy.decide(Situation(ADVANTAGES, UNKNOWN, np.full(4, share)))
    assert np.flatnonzero(decision.arm == 1).tolist() == strong
    assert [code == "above_threshold" for code in decision.reason] == (decision.arm == 1).tolist()


def test_a_tie_with_the_threshold_goes_to_the_weak_arm() -> None:
    """The only quantile is 0.25, which is no more than 0.25."""
    policy = ThresholdPair(strong=1, weak=0, quantiles=(0.25, 0.25))
    assert policy.decide(Situation(estimates_of([[0.25, 0.5]]), UNKNOWN[:1], np.array([0.5]))).arm.tolist() == [0]


def test_a_third_arm_is_never_called() -> None:
    policy = ThresholdPair(strong=2, weak=0, quantiles=(0.0, 0.0))
    estimates = estimates_of([[0.5, 0.9, 0.6], [0.5, 0.9, 0.4]])
    decision = policy.decide(Situation(estimates, np.full((2, 3), NAN), np.array([0.5, 0.5])))
    assert decision.arm.tolist() == [2, 0] and decision.members.shape == (2, 3)


@pytest.mark.parametrize(("mask", "arm"), [([True, False], 0), ([False, True], 1)])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_only_feasible_arm_of_the_pair_answers(mask: list[bool], arm: int, share: float) -> None:
    policy = ThresholdPair(strong=1, weak=0).fitted(ADVANTAGES, UNKNOWN)
    decision = policy.decide(Situation(ADVANTAGES, UNKNOWN, np.full(4, share), np.array([mask] * 4)))
    assert decision.arm.tolist() == [arm] * 4


def test_a_row_where_neither_is_feasible_is_refused() -> None:
    policy = ThresholdPair(strong=2, weak=0, quantiles=(0.0, 0.0))
    with pytest.raises(ValueError, match="neither arm of the pair is feasible for some row"):
        policy.decide(
            Situation(estimates_of([[0.1] * 3]), np.full((1, 3), NAN), np.ones(1), np.array([[False, True, False]]))
        )


def test_the_margin_is_the_distance_from_the_threshold() -> None:
    """0.1, 0.1, 0.2 and 0.4 from a threshold of 0, the first from below."""
    policy = ThresholdPair(strong=1, weak=0, quantiles=(0.0, 0.0))
    margin = policy.margin(Situation(ADVANTAGES, UNKNOWN, np.full(4, 0.5)))
    assert margin.tolist() == pytest.approx([0.1, 0.1, 0.2, 0.4])


def test_a_threshold_needs_a_scale() -> None:
    with pytest.raises(ValueError, match="threshold-pair has no scale yet: fit it on validation estimates first"):
        ThresholdPair().decide(Situation(ADVANTAGES, UNKNOWN, np.full(4, 0.5)))
