from dataclasses import replace

import numpy as np
import pytest

from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.frontier import frontier_of
from anabranch.training.cascades.mot_cascade import MoTCascade, numbers_of_samples
from tests.training.cascades.voters import ground_of_keys, random_voters


def test_the_weak_model_is_kept_where_it_agrees_with_itself() -> None:
    """Of four prompts the weak model says 1, 1, 1 on two and 1, 2, 3 in some order on two; the strong one says 1.

    Three samples cost 3, and two prompts go on: 3 + 10 / 2 = 8, all right; that is less than the strong model's 10, and
    so is nothing else that is right always.
    """
    weak = [[1, 1, 1], [1, 1, 1], [1, 2, 3], [3, 1, 2]]
    ground = ground_of_keys([[one, [1, 1, 1]] for one in weak], [1, 10])
    best = frontier_of(MoTCascade().policies(ground), ground)[-1]
    assert isinstance(best.policy, Consistency) and best.policy.models == (0, 1)
    assert (best.policy.samples, best.quality, best.cost_usd) in [(3, 1.0, 8.0), (2, 1.0, 7.0)]


def test_all_shares_of_all_and_of_half_the_samples() -> None:
    """Two models, five samples each: 2/5 to 5/5, and 2/3 and 3/3; and two models by themselves."""
    found = list(MoTCascade(depth=2).policies(random_voters()))
    alone = [policy.models for policy in found if isinstance(policy, ThresholdChain)]
    asked = [(policy.samples, policy.tau) for policy in found if isinstance(policy, Consistency)]
    assert alone == [(0,), (3,)]
    assert asked == [(3, 2 / 3), (3, 1.0), (5, 0.4), (5, 0.6), (5, 0.8), (5, 1.0)]


def test_numbers_of_samples() -> None:
    assert [numbers_of_samples(0, recorded) for recorded in (2, 3, 10)] == [[2], [2, 3], [5, 10]]
    assert numbers_of_samples(1, 5) == [1]


def test_what_is_missing_is_named_with_the_way_out() -> None:
    ground = random_voters()
    unread = replace(ground, table=replace(ground.table, key=np.full(ground.table.key.shape, -1)))
    with pytest.raises(ValueError, match=r"no answer can be compared with another: .* --answers number, mcq"):
        list(MoTCascade().policies(unread))
    with pytest.raises(ValueError, match=r"'m0' has 5 answers to some prompt, and 7 .*`anabranch data collect --sa"):
        list(MoTCascade(samples=7).policies(ground))
    with pytest.raises(ValueError, match="'m0' has 1 answers to some prompt, and 2 to every prompt are needed"):
        list(MoTCascade().policies(random_voters(samples=1)))
