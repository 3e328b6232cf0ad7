from math import log

import pytest
import torch

from anabranch.routers.estimators.soft_label_mlp import SoftLabelMLP
from tests.routers.estimators.batches import batch_of, fitted


def untrained(bias: list[float]) -> SoftLabelMLP:
    """Only the last layer's constant speaks."""
    estimator = SoftLabelMLP(1, len(bias), temperature=log(3), hidden=4)
    last = estimator.logits[-1]
    assert isinstance(last, torch.nn.Linear)
    torch.nn.init.zeros_(last.weight)
    with torch.no_grad():
        last.bias.copy_(torch.tensor(bias))
    return fitted(estimator, batch_of([[1.0]], [[0.5] * len(bias)], usage=[[3.0] * len(bias)]))


def test_scores_are_a_softmax() -> None:
    """Constants ln 4 and 0: 4 to 1."""
    found = untrained([log(4), 0.0])(torch.tensor([[7.0]]))
    assert found.quality[0].tolist() == pytest.approx([0.8, 0.2])
    assert found.usage[0].tolist() == [3.0, 3.0]


def test_the_loss_is_the_cross_entropy_of_the_soft_labels() -> None:
    """Labels 3/4 and 1/4 against chances 4/5 and 1/5."""
    table = batch_of([[1.0]], [[1.0, 0.0]])
    expected = -0.75 * log(0.8) - 0.25 * log(0.2)
    assert untrained([log(4), 0.0]).loss(table).item() == pytest.approx(expected)
