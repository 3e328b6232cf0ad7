"""The router of `test_router.py`: the small arm is right half the time for 1 USD, the large one costs 2."""

import numpy as np
import pytest

from anabranch.routers.choice import choose
from tests.routers.test_router import router


def test_a_choice_says_what_it_was_chosen_from() -> None:
    """9 letters: the large arm is right 0.9 of the time."""
    choice = choose(router(), "abcdefghi")
    assert (choice.arm, choice.reason, choice.tradeoff) == (1, "max_utility", 1.0)
    assert choice.quality.tolist() == pytest.approx([0.5, 0.9])
    assert choice.cost_usd.tolist() == [1.0, 2.0]
    assert choice.expected_cost_usd == 2.0


def test_it_is_the_decision_of_the_router() -> None:
    for text in ("abc", "abcdefghi"):
        assert choose(router(), text, 0.9).arm == router().decide([text], 0.9).arm[0]


def test_a_trade_off_and_the_arms_that_may_be_chosen() -> None:
    assert choose(router(), "abcdefghi", tradeoff=0.5).arm == 0
    assert choose(router(), "abcdefghi", feasible=np.array([True, False])).arm == 0


def test_an_impossible_choice() -> None:
    with pytest.raises(ValueError, match="tradeoff is 2"):
        choose(router(), "abc", tradeoff=2.0)
    with pytest.raises(ValueError, match="no feasible arm"):
        choose(router(), "abc", feasible=np.array([False, False]))
