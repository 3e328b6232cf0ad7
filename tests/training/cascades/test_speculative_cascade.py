"""Chains of two models that may call both at once."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from anabranch.routers.deferral.speculative import Speculative
from anabranch.training.cascades.confidence import Confidence
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.speculative_cascade import SpeculativeCascade
from anabranch.training.replay.executor import replay
from tests.contract.cascade_worlds import timed_world

SIGNAL = "logprob_mean"


def learnt(usd_per_s: float = 2.0) -> tuple[SpeculativeCascade, Ground]:
    recipe = SpeculativeCascade(signal=SIGNAL, usd_per_s=usd_per_s)
    return recipe, recipe.learn(timed_world(seed=0).ground)


def test_without_a_price_of_time_it_is_confidence() -> None:
    recipe, ground = learnt(usd_per_s=0.0)
    other = Confidence(signal=SIGNAL)
    assert frontier_of(recipe.policies(ground), ground) == frontier_of(other.policies(ground), ground)


def test_with_one_it_answers_as_confidence_does_but_calls_early_where_it_pays() -> None:
    """Half of the prompts are hard: both models at once, 11 USD and 2 s; the others go as they did."""
    recipe, ground = learnt()
    usual = np.broadcast_to(ground.cost_usd, ground.table.quality.shape[:2])
    assert ground.estimates is not None
    hard = ground.estimates[:, 0] < 0.5
    for policy, chain in zip(recipe.policies(ground), Confidence().policies(ground), strict=True):
        done, chained = (replay(one, ground.table, quality=ground.estimates, cost_usd=usual) for one in (policy, chain))
        assert np.array_equal(done.model, chained.model) and done.reason == chained.reason
        if isinstance(policy, Speculative) and policy.threshold > 0:
            assert (done.cost_usd[hard] == 11).all() and (done.latency_s[hard] == 2).all()
            assert np.array_equal(done.cost_usd[~hard], chained.cost_usd[~hard])
            assert done.latency_s.mean() < chained.latency_s.mean() and done.cost_usd.mean() > chained.cost_usd.mean()
            break
    else:
        raise AssertionError("no chain calls early")


def test_without_recorded_times_nothing_is_called_early_and_that_is_said(caplog: pytest.LogCaptureFixture) -> None:
    recipe, ground = learnt()
    untimed = replace(ground, table=replace(ground.table, latency_s=np.full_like(ground.table.latency_s, np.nan)))
    with caplog.at_level(logging.WARNING):
        assert list(recipe.policies(untimed)) == list(Confidence().policies(untimed))
    assert "nobody recorded how long calls of model0, model1 take" in caplog.text


@pytest.mark.parametrize("usd_per_s", [-1.0, float("inf"), float("nan")])
def test_a_second_has_a_finite_price(usd_per_s: float) -> None:
    with pytest.raises(ValueError, match="a second is worth a finite sum"):
        SpeculativeCascade(usd_per_s=usd_per_s)
