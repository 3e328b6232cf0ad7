"""When a chain of two calls both models at once, as recorded answers tell."""

from dataclasses import replace

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.signal_maps import Sigmoid, Steps
from anabranch.routers.deferral.speculative import Speculative
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.executor import replay
from anabranch.training.replay.speculation import keeping, speculating, usual_latency

CHAIN = ThresholdChain((0, 1), (0.5,), "sure")
ESTIMATES = np.repeat([[0.2, 0.9], [0.8, 0.9]], 4, axis=0)


def timed(slow: float = 3.0, large_usd: float = 4.0) -> ReplayTable:
    """Where 0.2 is expected of the small model, one of four answers is sure; where 0.8 is, three are."""
    sure = [1, 0, 0, 0, 1, 1, 1, 0]
    return ReplayTable.from_arrays(
        ["small", "large"],
        quality=[[one, 1] for one in sure],
        cost_usd=[[1, large_usd]] * 8,
        latency_s=[[2, slow]] * 8,
        signals={"sure": [[one, 0] for one in sure]},
    )


def test_the_chance_of_being_kept_is_the_share_at_that_estimate() -> None:
    assert keeping(timed(), 0, 0.5, "sure", ESTIMATES[:, 0]) == Steps(
        (float(np.float32(0.2)), float(np.float32(0.8))), (0.25, 0.75)
    )


def test_what_has_no_signal_is_not_kept_and_what_is_not_recorded_does_not_count() -> None:
    """Of the four at 0.2 one is unsure now that was sure, so none is kept; of the others the unsure one is gone."""
    table = timed()
    sure, quality = table.signals["sure"].copy(), table.quality.copy()
    sure[0, 0], quality[7, 0] = np.nan, np.nan
    found = keeping(replace(table, quality=quality, signals={"sure": sure}), 0, 0.5, "sure", ESTIMATES[:, 0])
    assert isinstance(found, Steps) and found.values == (0.0, 1.0)


def test_waits_and_prices_are_those_of_the_recording() -> None:
    """The quicker one's 2 s are saved where both are needed; the large one takes 1 s more."""
    found = speculating(CHAIN, timed(), ESTIMATES, 0.75)
    assert isinstance(found, Speculative)
    assert (found.models, found.threshold, found.signal) == ((0, 1), 0.5, "sure")
    assert (found.wait_s, found.late_s, found.usd_per_s) == (2.0, 1.0, 0.75)
    quick = speculating(CHAIN, timed(slow=1.5), ESTIMATES, 0.75)
    assert isinstance(quick, Speculative) and (quick.wait_s, quick.late_s) == (1.5, 0.0)
    platt = speculating(CHAIN, timed(), ESTIMATES, 0.75, "platt")
    assert isinstance(platt, Speculative) and isinstance(platt.keeps, Sigmoid)


def test_it_is_sooner_and_dearer_and_answers_alike() -> None:
    """At 0.2 both are called: 1 * (0.75 * 2 - 0.25 * 1) > 0.25 * 4; at 0.8: 0.25 * 2 - 0.75 * 1 < 0.

    The chain costs 1 + 4 where it goes on, four times of eight, 24 in all, and takes 2 s, or 2 + 3. Calling both costs
    the 4 of the one that was sure in vain; the four take 3 s instead of 2 + 5 + 5 + 5.
    """
    table, found = timed(), speculating(CHAIN, timed(), ESTIMATES, 1.0)
    chained, done = (replay(policy, table, quality=ESTIMATES) for policy in (CHAIN, found))
    assert np.array_equal(done.model, chained.model) and np.array_equal(done.quality, chained.quality)
    assert done.reason == chained.reason
    assert (chained.cost_usd.sum(), done.cost_usd.sum()) == (24, 28)
    assert (chained.latency_s.sum(), done.latency_s.sum()) == (17 + 11, 12 + 11)


def test_a_kept_answer_that_would_wait_long_is_not_worth_it() -> None:
    """Of a large model of 9 s: 0.75 * 2 - 0.25 * 7 < 0, so no price of time makes it call early."""
    table = timed(slow=9.0)
    found = speculating(CHAIN, table, ESTIMATES, 1e6)
    assert isinstance(found, Speculative)
    assert (replay(found, table, quality=ESTIMATES).cost_usd == replay(CHAIN, table).cost_usd).all()


@pytest.mark.parametrize("seed", range(3))
def test_time_at_its_price_and_the_bill_together_never_rise(seed: int) -> None:
    """On the prompts of the fit, where calls cost and take the same everywhere: it is what the rule weighs."""
    rng = np.random.default_rng(seed)
    prompts, expected = 400, rng.random((400, 2))
    sure = rng.random(prompts) < expected[:, 0]
    table = ReplayTable.from_arrays(
        ["small", "large"],
        np.stack([sure, np.ones(prompts)], axis=1),
        cost_usd=np.tile([1.0, 3.0], (prompts, 1)),
        latency_s=np.tile([1.0, 2.0], (prompts, 1)),
        signals={"sure": np.stack([sure, sure], axis=1)},
    )
    chained = replay(CHAIN, table)
    for usd_per_s in (0.5, 2.0, 20.0):
        done = replay(speculating(CHAIN, table, expected, usd_per_s), table, quality=expected)
        assert done.cost_usd.sum() >= chained.cost_usd.sum()
        total, before = (one.cost_usd.sum() + usd_per_s * one.latency_s.sum() for one in (done, chained))
        assert total <= before + 1e-6
    assert done.latency_s.sum() < chained.latency_s.sum()


@pytest.mark.parametrize("unknown", ["price", "latency", "estimates", "router", "pair"])
def test_the_chain_stays_as_it_is_where_it_is_never_known_to_be_worth_it(unknown: str) -> None:
    table, estimates, chain = timed(), ESTIMATES.copy(), CHAIN
    if unknown == "latency":
        table = replace(table, latency_s=np.where([[[False], [True]]], np.nan, table.latency_s))
    if unknown == "estimates":
        estimates[:, 0] = np.nan
    if unknown == "pair":
        chain = ThresholdChain((0, 1, 1), (0.5, 0.5), "sure")
    given = None if unknown == "router" else estimates
    assert speculating(chain, table, given, 0.0 if unknown == "price" else 9.0) is chain


def test_the_usual_latency_is_the_mean_of_what_is_known() -> None:
    table = ReplayTable.from_arrays(["a", "b"], np.ones((2, 2)), latency_s=[[1, np.nan], [2, np.nan]])
    np.testing.assert_array_equal(usual_latency(table), [1.5, np.nan])


def test_an_unknown_signal_is_named() -> None:
    with pytest.raises(ValueError, match="unknown signal 'mood'"):
        keeping(timed(), 0, 0.5, "mood", ESTIMATES[:, 0])
