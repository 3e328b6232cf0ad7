"""Which stop meets a target, by hand."""

import numpy as np
import pytest

from anabranch.training.calibrate import Target
from anabranch.training.cascades.settle import settled
from tests.training.cascades.test_tried import INF, chains, recorded

PLAN = chains(-INF, 0.5, INF)
"""Its stops reach 0.5, 0.75 and 0.75 for 1, 3.5 and 6."""


@pytest.mark.parametrize(
    ("target", "tradeoff", "quality", "cost", "share"),
    [
        ("budget=1", 0.0, 0.5, 1.0, 0.0),
        ("budget=4", 0.5, 0.75, 3.5, 1 / 3),
        ("budget=100", 0.5, 0.75, 3.5, 1 / 3),
        ("floor=0.5", 0.0, 0.5, 1.0, 0.0),
        ("floor=0.6", 0.5, 0.75, 3.5, 1 / 3),
        ("best-single", 0.5, 0.75, 3.5, 1 / 3),
    ],
)
def test_targets(target: str, tradeoff: float, quality: float, cost: float, share: float) -> None:
    """Of the equals the cheaper one; large alone has 0.75. At the second stop 2 of 6 calls are large's."""
    plan, reached = settled(PLAN, recorded(), Target.parse(target))
    assert plan.tradeoff == reached.tradeoff == tradeoff
    assert (reached.quality, reached.cost_usd) == (quality, cost)
    assert reached.strong_share == pytest.approx(share)
    assert plan.stops == PLAN.stops


def test_the_best_will_do_where_the_best_single_model_is_out_of_reach() -> None:
    """Small is kept where it is right or wrong alike: 0.5 is below large's 0.75."""
    plan, reached = settled(chains(-INF), recorded(), Target.parse("best-single"))
    assert (plan.tradeoff, reached.quality) == (1.0, 0.5)


def test_without_costs_a_floor_can_be_kept() -> None:
    plain = recorded(cost_usd=None)
    plan, reached = settled(PLAN, plain, Target.parse("floor=0.6"))
    assert (plan.tradeoff, reached.quality) == (0.5, 0.75)
    assert np.isnan(reached.cost_usd)
    with pytest.raises(ValueError, match="budget needs costs"):
        settled(PLAN, plain, Target.parse("budget=1"))


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("strong=0.3", "several models for one prompt"),
        ("risk=0.1", "no sets of models"),
        ("budget=0.5", "the least is 1"),
        ("floor=0.9", "the best is 0.75"),
    ],
)
def test_targets_that_cannot_be_met(target: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        settled(PLAN, recorded(), Target.parse(target))
