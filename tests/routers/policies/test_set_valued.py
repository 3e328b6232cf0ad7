import numpy as np
import pytest

from anabranch.routers.policies.policy import Situation
from anabranch.routers.policies.set_valued import SetValued, called, ranks
from tests.routers.policies.arrays import estimates_of

NAN = np.nan
QUALITY = [[0.6, 0.9, 0.3, 0.7]]


def situation(
    quality: list[list[float]], cost_usd: list[float] | None = None, mask: list[bool] | None = None
) -> Situation:
    """One prompt; nothing is known of costs if they are not given."""
    costs = np.array([cost_usd or [NAN] * len(quality[0])])
    return Situation(estimates_of(quality), costs, np.ones(1), None if mask is None else np.array([mask]))


@pytest.mark.parametrize(
    ("above", "most", "members"),
    [
        (0.5, None, [0, 1, 3]),
        (0.5, 2, [1, 3]),
        (0.5, 1, [1]),
        (0.7, None, [1, 3]),
        (0.95, None, [1]),
        (0.0, None, [0, 1, 2, 3]),
        (0.0, 3, [0, 1, 3]),
    ],
    ids=["likely", "two of them", "one", "reached exactly", "none is likely", "all", "top three"],
)
def test_the_most_confident_of_those_likely_to_be_right(above: float, most: int | None, members: list[int]) -> None:
    decision = SetValued(above, most).decide(situation(QUALITY))
    assert np.flatnonzero(decision.members[0]).tolist() == members
    assert decision.arm.tolist() == [1] and decision.reason == ("most_confident",)
    assert decision.propensity.tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_infeasible_arms_are_not_called_and_leave_their_rank_to_others() -> None:
    decision = SetValued(0.5, 2).decide(situation(QUALITY, mask=[True, False, True, True]))
    assert decision.arm.tolist() == [3] and np.flatnonzero(decision.members[0]).tolist() == [0, 3]


def test_of_equally_confident_arms_the_cheaper_is_called() -> None:
    decision = SetValued(0.5, 2).decide(situation([[0.6, 0.6, 0.6]], cost_usd=[3.0, 1.0, 2.0]))
    assert decision.arm.tolist() == [1] and np.flatnonzero(decision.members[0]).tolist() == [1, 2]


def test_ranks_put_infeasible_arms_last_and_unknown_costs_after_known_ones() -> None:
    assert ranks(situation(QUALITY, mask=[True, False, True, True])).tolist() == [[1, 3, 2, 0]]
    assert ranks(situation([[0.6, 0.6, 0.6]], cost_usd=[NAN, 2.0, 1.0])).tolist() == [[2, 1, 0]]


@pytest.mark.parametrize(
    ("above", "most", "margin"), [(0.5, None, 0.1), (0.72, None, 0.02), (0.1, 3, 0.2), (0.1, 2, 0.1)]
)
def test_the_margin_is_the_nearest_change_of_the_set(above: float, most: int | None, margin: float) -> None:
    """0.6 from 0.5; 0.7 from 0.72; 0.9 over 0.7 and 0.3 from 0.1; 0.7 over 0.6 at the end of two."""
    assert SetValued(above, most).margin(situation(QUALITY)).tolist() == pytest.approx([margin])


def test_a_set_without_its_arm_gets_it() -> None:
    decision = called(np.array([2]), np.array([[True, False, False]]), "why")
    assert decision.members.tolist() == [[True, False, True]]


def test_an_empty_set_is_refused() -> None:
    with pytest.raises(ValueError, match="set-valued calls at most 0 arms; at least 1 must answer"):
        SetValued(most=0)
