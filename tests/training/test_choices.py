"""What is tried offline is what serving chooses."""

from dataclasses import replace

import numpy as np

from anabranch.routers.choice import choose
from anabranch.routers.policies.random_arm import RandomArm
from anabranch.training.choices import try_out
from tests.routers.test_router import router

TEXTS = ["ab", "abc", "abcdef", "abcdefgh", "abcdefghi"]


def test_estimates_are_made_once_and_decided_at_every_knob() -> None:
    tried = try_out(router(), TEXTS, np.array([0.0, 0.5, 1.0]))
    assert tried.choices.T.tolist() == [[choose(router(), text, t).arm for text in TEXTS] for t in (0.0, 0.5, 1.0)]
    assert tried.decision.arm.tolist() == tried.choices[:, -1].tolist()
    assert tried.estimates.quality[:, 1].tolist() == np.array([0.2, 0.3, 0.6, 0.8, 0.9], np.float32).tolist()


def test_the_arm_that_is_drawn_offline_is_the_one_that_serving_draws() -> None:
    """At every knob, also where estimates read the trade-off and are made again for each."""
    texts = [f"text {number}" for number in range(40)]
    for reads_tradeoff in (False, True):
        drawing = replace(router(reads_tradeoff=reads_tradeoff), policy=RandomArm())
        tried = try_out(drawing, texts, np.array([0.0, 1.0]))
        served = [choose(drawing, text).arm for text in texts]
        assert tried.decision.arm.tolist() == served and set(served) == {0, 1}
        assert tried.choices.T.tolist() == [served, served]
