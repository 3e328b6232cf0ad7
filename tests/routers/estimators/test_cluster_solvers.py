"""Two prompts at (1, 0), which arms 0 and 1 solve, and two at (0, 1), which none always solves."""

import numpy as np
import pytest
import torch

from anabranch.routers.estimators.cluster_solvers import ClusterSolvers
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Situation
from tests.routers.estimators.batches import batch_of, fitted

EMBEDDING = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
QUALITY = [[1.0, 1.0, 0.5], [1.0, 0.99, 0.5], [0.5, 1.0, 0.0], [0.5, 0.0, 1.0]]
QUERIES = torch.tensor([[1.0, 0.1], [0.1, 1.0]])


def solvers(keep: float) -> ClusterSolvers:
    table = batch_of(EMBEDDING, QUALITY, usage=[[3.0, 2.0, 1.0]] * 4)
    return fitted(ClusterSolvers(2, 3, clusters=2, keep=keep), table)


def test_kept_arms_count_as_one_and_the_others_as_their_mean() -> None:
    """Means 1, 0.995 and 0.5 in the first cluster, 0.5 each in the second; 0.99 keeps the first two there."""
    found = solvers(keep=0.99)(QUERIES).quality
    torch.testing.assert_close(found, torch.tensor([[1.0, 1.0, 0.5], [0.5, 0.5, 0.5]]))


def test_below_the_bar_nobody_is_kept() -> None:
    found = solvers(keep=0.999)(QUERIES[:1]).quality[0].tolist()
    assert found == pytest.approx([1.0, 0.995, 0.5])


@pytest.mark.parametrize(("keep", "expected"), [(0.99, 1), (0.999, 0)])
def test_of_the_kept_the_cheapest_answers(keep: float, expected: int) -> None:
    """Arm 1 costs 2 and arm 0 costs 3; where arm 1 is not kept, the best mean answers."""
    estimates = solvers(keep)(QUERIES[:1])
    arrays = type(estimates)(*(part.numpy() for part in estimates))
    decision = ArgmaxUtility().decide(Situation(arrays, arrays.usage.astype(np.float64), np.ones(1)))
    assert decision.arm.tolist() == [expected]
