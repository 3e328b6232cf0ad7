from dataclasses import replace

import numpy as np
import pytest

from anabranch.routers.deferral.robon import RoBoN as Routed
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.robon import RoBoN
from tests.training.cascades.voters import random_voters

TOKENS = RoBoN(signal="logprob_mean")


def test_more_calls_are_better_where_reward_tells_what_is_right() -> None:
    """The signal is the quality, so the best of five samples of the cheap model is right on every prompt with one."""
    ground = random_voters(models=2)
    told = replace(ground, table=ground.table.with_signal("logprob_mean", ground.table.quality))
    learnt = TOKENS.learn(told)
    found = [one for one in TOKENS.policies(learnt) if one.models == (0,)]
    best = frontier_of(found, learnt)[-1]
    assert isinstance(best.policy, Routed)
    assert best.quality == told.table.quality[:, 0].max(axis=1).mean()
    assert (best.policy.calls, best.cost_usd) == (5, 5.0)


def test_calls_never_need_more_samples_than_there_are() -> None:
    """Beyond one call of each of M models, all may fall to the same: at most M - 1 + 5; from M on."""
    learnt = TOKENS.learn(random_voters())
    calls: dict[int, set[int]] = {}
    for policy in TOKENS.policies(learnt):
        calls.setdefault(len(policy.models), set()).add(policy.calls)
    assert calls == {1: {1, 2, 4, 5}, 2: {2, 4, 6}, 4: {4, 6, 8}}


def test_without_keys_the_reward_decides_alone() -> None:
    ground = TOKENS.learn(random_voters())
    unread = replace(ground, table=replace(ground.table, key=np.full(ground.table.key.shape, -1)))
    assert {one.alpha for one in TOKENS.policies(unread)} == {1.0}
    assert {one.alpha for one in TOKENS.policies(ground) if len(one.models) > 1} == {0.7, 1.0}


def test_a_scorer_needs_responses() -> None:
    with pytest.raises(ValueError, match=r"no responses are recorded: collect them .* name a recorded signal"):
        RoBoN().learn(random_voters())
