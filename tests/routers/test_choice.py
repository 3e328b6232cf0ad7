"""The router of `test_router.py`: the small arm is right half the time for 1 USD, the large one costs 2."""

from dataclasses import replace

import numpy as np
import pytest

from anabranch.data.routing_text import routing_text
from anabranch.routers.choice import choose
from anabranch.routers.policies.random_arm import RandomArm
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


def test_a_drawn_arm_is_the_same_alone_and_among_others() -> None:
    """Forty texts, and both arms among them: chosen one by one, and decided together."""
    drawing = replace(router(), policy=RandomArm())
    texts = [f"text {number}" for number in range(40)]
    together = drawing.decide(texts)
    assert [choose(drawing, text).arm for text in texts] == together.arm.tolist()
    assert set(together.arm.tolist()) == {0, 1} and set(together.reason) == {"drawn"}


def test_every_turn_of_a_conversation_draws_anew() -> None:
    """Thirty turns of one conversation have thirty routing texts, so that both arms answer."""
    drawing = replace(router(), policy=RandomArm())
    chat: list[dict[str, str]] = []
    arms = []
    for turn in range(30):
        chat.append({"role": "user", "content": f"Tell me something about the number {turn}, please, and why."})
        arms.append(choose(drawing, routing_text(chat)).arm)
        chat.append({"role": "assistant", "content": "It is a number."})
    assert set(arms) == {0, 1}


def test_a_trade_off_and_the_arms_that_may_be_chosen() -> None:
    assert choose(router(), "abcdefghi", tradeoff=0.5).arm == 0
    assert choose(router(), "abcdefghi", feasible=np.array([True, False])).arm == 0


def test_an_impossible_choice() -> None:
    with pytest.raises(ValueError, match="tradeoff is 2"):
        choose(router(), "abc", tradeoff=2.0)
    with pytest.raises(ValueError, match="no feasible arm"):
        choose(router(), "abc", feasible=np.array([False, False]))
