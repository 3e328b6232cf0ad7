from math import log

import pytest
import torch

from anabranch.routers.estimators.soft_label_knn import SoftLabelKNN
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_a_score_is_the_mean_label_of_the_neighbours() -> None:
    """k = 2 of three, uniform: labels 3/4, 1/4 where one arm is right, and 1/2 each where both are or none is.

    Means (3/4 + 1/2) / 2 and (1/4 + 1/2) / 2, however easy the second prompt was; usage (2 + 4) / 2.
    """
    estimator = SoftLabelKNN(2, 2, temperature=log(3), k=2, weights="uniform")
    for easy in (0.0, 1.0):
        table = batch_of(
            [[1.0, 0.0], [0.8, 0.6], [0.0, 1.0]],
            [[1.0, 0.0], [easy, easy], [0.0, 1.0]],
            usage=[[2.0, 1.0], [4.0, 1.0], [9.0, 1.0]],
        )
        found = fitted(estimator, table)(torch.tensor([[1.0, 0.0]]))
        assert found.quality[0].tolist() == pytest.approx([0.625, 0.375])
        assert found.usage[0].tolist() == [3.0, 1.0]


def test_an_arm_known_alone_is_no_better_for_it() -> None:
    """Where arm 0 alone was asked its label is the average one, 1/2, not the whole; where both were right, 1/2 each."""
    table = batch_of([[1.0, 0.0], [1.0, 0.0]], [[0.0, NAN], [1.0, 1.0]])
    found = fitted(SoftLabelKNN(2, 2, k=2), table)(torch.tensor([[1.0, 0.0]]))
    assert found.quality[0].tolist() == pytest.approx([0.5, 0.5])
