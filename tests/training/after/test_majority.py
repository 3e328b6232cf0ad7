import numpy as np
import pytest

from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.majority import Majority as Fuser
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.after.majority import Majority, fitted
from anabranch.training.cascades.frontier import frontier_of
from tests.training.cascades.voters import ground_of_keys, random_voters


def test_three_cheap_ones_may_beat_a_dear_one() -> None:
    """Each of three birds at 1 is wrong on another prompt, the owl at 9 on a fourth: 3/4 alone, three birds all right.

    Two birds are no better than one, as ties go to the smaller key here, a wrong one; what the owl is in is dearer.
    """
    keys = [[[0], [1], [1], [1]], [[1], [0], [1], [1]], [[1], [1], [0], [1]], [[1], [1], [1], [0]]]
    ground = ground_of_keys(keys, [1, 1, 1, 9])
    stops = frontier_of(Majority().policies(ground), ground)
    assert [(stop.policy.models, stop.quality, stop.cost_usd) for stop in stops] == [
        ((0,), 0.75, 1.0),
        ((0, 1, 2), 1.0, 3.0),
    ]


def test_samples_of_one_model_vote_too() -> None:
    """Of five samples three say 1: one is right on 3/5, all five on all."""
    ground = ground_of_keys([[[1, 1, 1, 2, 3]]] * 20, [1])
    best = frontier_of(Majority().policies(ground), ground)[-1]
    assert (best.policy, best.quality, best.cost_usd) == (FuseAll((0,), 5, fitted(ground.table)), 1.0, 5.0)


def test_ties_go_by_quality_on_these_prompts() -> None:
    ground = ground_of_keys([[[1], [2]], [[1], [1]], [[2], [1]], [[1], [2]]], [1, 2])
    assert fitted(ground.table) == Fuser((0.75, 0.5))


def test_one_of_each_and_all_that_are_recorded_or_asked_for() -> None:
    ground = random_voters(models=3)
    for samples, numbers in ((0, {1, 5}), (3, {1, 3}), (1, {1})):
        found = list(Majority(samples=samples).policies(ground))
        fused = [one for one in found if isinstance(one, FuseAll)]
        assert {one.samples for one in fused} == numbers
        assert all(len(one.models) * one.samples > 1 for one in fused)
        assert [one.models for one in found if isinstance(one, ThresholdChain)] == [(0,), (1,), (2,)]
    assert max(len(one.models) for one in Majority(depth=2).policies(ground)) == 2


def test_a_dearer_set_that_is_no_better_falls_away() -> None:
    ground = random_voters(prompts=60, models=4)
    stops = frontier_of(Majority().policies(ground), ground)
    assert (np.diff([stop.quality for stop in stops]) > 0).all() and (
        np.diff([stop.cost_usd for stop in stops]) > 0
    ).all()


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="no answer can be compared with another"):
        list(Majority().policies(ground_of_keys([[[-1], [-1]]], [1, 2])))
    with pytest.raises(ValueError, match="has 2 answers to some prompt, and 3 to every prompt are needed"):
        list(Majority(samples=3).policies(random_voters(models=2, samples=2)))
