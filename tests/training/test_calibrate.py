import numpy as np
import pytest

from anabranch.data.outcomes import Outcomes
from anabranch.routers.policies.threshold_pair import ThresholdPair
from anabranch.training.calibrate import Target, calibrate
from tests.training.ready import ready_router


def world(cost: bool = True) -> tuple[Outcomes, np.ndarray]:
    """A cheap arm right on the easy half and a dear arm always right; the estimates know how hard a prompt is."""
    hard = np.linspace(0, 1, 200)
    quality = np.stack([hard < 0.5, np.ones(200)], axis=1).astype(np.float32)
    table = Outcomes.from_arrays(["cheap", "dear"], quality, cost_usd=[[1.0, 5.0]] * 200 if cost else None)
    return table, np.stack([1 - hard, np.ones(200)], axis=1)


def test_budget_buys_the_most_quality_it_can() -> None:
    """3 USD a request are 100 dear calls of 200, which is just enough for every hard prompt."""
    table, estimates = world()
    found = calibrate(ready_router(table, estimates), table, Target("budget", 3.0))
    assert found.cost_usd <= 3.0
    assert found.quality >= 0.9


def test_floor_is_reached_at_the_least_cost() -> None:
    table, estimates = world()
    found = calibrate(ready_router(table, estimates), table, Target("floor", 0.75))
    assert 0.75 <= found.quality < 0.9
    assert found.cost_usd < 3.0


def test_best_single_quality_costs_only_the_hard_half() -> None:
    """The dear arm is always right at 5 USD; the router is, too, from 3 USD on, where its estimates are close."""
    table, estimates = world()
    found = calibrate(ready_router(table, estimates), table, Target("best-single"))
    assert found.quality == 1.0
    assert found.cost_usd < 5.0


def test_strong_share_is_met() -> None:
    table, estimates = world(cost=False)
    router = ready_router(table, estimates, policy=ThresholdPair(1, 0))
    fitted = ThresholdPair(1, 0).fitted(router.estimate(table.texts, None), table.cost_usd)
    found = calibrate(ready_router(table, estimates, policy=fitted), table, Target("strong", 0.3))
    assert found.strong_share == pytest.approx(0.3, abs=0.01)
    assert np.isnan(found.cost_usd)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target("budget", 0.5), "no trade-off costs at most 0.5 USD a request; the least is 1"),
        (Target("floor", 1.1), "no trade-off reaches quality 1.1; the best is 1.0"),
    ],
)
def test_targets_out_of_reach_are_refused(target: Target, words: str) -> None:
    table, estimates = world()
    with pytest.raises(ValueError, match=words):
        calibrate(ready_router(table, estimates), table, target)


def test_budget_without_costs_is_refused() -> None:
    table, estimates = world(cost=False)
    policy = ThresholdPair(1, 0, quantiles=(0.0, 1.0))
    with pytest.raises(ValueError, match="a budget needs costs"):
        calibrate(ready_router(table, estimates, policy=policy), table, Target("budget", 1.0))


@pytest.mark.parametrize(
    "text", ["budget", "budget=", "budget=-1", "budget=much", "cheap=1", "best-single=1", "", "risk=0", "risk=1"]
)
def test_malformed_targets_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="a target is budget=USD"):
        Target.parse(text)


@pytest.mark.parametrize("text", ["budget=0.002", "strong=0.4", "floor=0.8", "risk=0.1", "best-single"])
def test_targets_read_back(text: str) -> None:
    assert str(Target.parse(text)) == text
