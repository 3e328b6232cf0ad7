from math import log

import numpy as np
import pytest

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.training.after.majority import fitted as majority
from anabranch.training.after.weighted_vote import WeightedVote, fitted
from anabranch.training.replay.executor import replay
from tests.training.cascades.voters import ground_of_keys, random_voters


def test_weights_by_hand() -> None:
    """Of four answers of each, K = 3: 3 right of 4, so log(2 * 3); 2 of 4, log 2; 1 of 4, below chance, 0.

    The last is right whenever it says anything, on 3 prompts, and is taken to be right on 1 - 1/3 of them: log 4.
    """
    keys = [[[1], [1], [2], [1]], [[1], [1], [3], [1]], [[1], [2], [2], [1]], [[2], [3], [1], [-1]]]
    weights = fitted(ground_of_keys(keys, [1, 1, 1, 1]).table, 3).weights
    assert weights == pytest.approx((log(6), log(2), 0.0, log(4)))


def test_who_never_says_anything_weighs_nothing() -> None:
    table = ground_of_keys([[[1], [-1]], [[1], [-1]]], [1, 1]).table
    assert fitted(table, 2).weights == pytest.approx((0.0, 0.0))
    assert fitted(ground_of_keys([[[1], [-1]]] * 4, [1, 1]).table, 2).weights == pytest.approx((log(3), 0.0))


def test_they_are_worth_as_much_as_theory_says() -> None:
    """Yes or no, one model right on 0.9, four on 0.7, apart from each other; the one weighs 2.6 of the others.

    Weighted, the one is overruled by all four only: 0.9 (1 - 0.3^4) + 0.1 * 0.7^4 = 0.917. In a majority three do:
    0.9 (1 - 0.3^4 - 4 * 0.7 * 0.3^3) + 0.1 (0.7^4 + 4 * 0.7^3 * 0.3) = 0.890, less than the one alone.
    """
    rng = np.random.default_rng(0)
    right = rng.random((2000, 5, 1)) < np.array([0.9, 0.7, 0.7, 0.7, 0.7])[:, None]
    names = [f"m{model}" for model in range(5)]
    train, fresh = (
        ReplayTable.from_arrays(names, part, cost_usd=np.ones(part.shape), key=np.where(part, 0, 1))
        for part in (right[:500], right[500:])
    )
    weighted, counted = (
        replay(FuseAll(tuple(range(5)), 1, fuser), fresh).quality.mean() for fuser in (fitted(train), majority(train))
    )
    assert weighted == pytest.approx(0.917, abs=0.02) and counted == pytest.approx(0.890, abs=0.02)
    assert weighted > counted + 0.01


def test_its_policies_have_these_weights() -> None:
    ground = random_voters(models=3)
    for choices in (0, 4):
        fused = [one for one in WeightedVote(choices=choices).policies(ground) if isinstance(one, FuseAll)]
        assert {one.fuser for one in fused} == {fitted(ground.table, choices)}
    with pytest.raises(ValueError, match="choices 1"):
        list(WeightedVote(choices=1).policies(ground))
