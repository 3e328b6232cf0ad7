import pytest
import torch

from anabranch.routers.estimators.homorouter import HomoRouter
from tests.routers.estimators.batches import NAN, batch_of, fitted

TABLE = batch_of([[1.0]] * 4, [[1.0, 0.2], [0.0, NAN], [0.0, NAN], [0.0, 0.6]], usage=[[2.0, 8.0], *[[4.0, NAN]] * 3])


def flat() -> HomoRouter:
    """The last layer's weights are 0, so that only its biases speak."""
    estimator = HomoRouter(1, 2, hidden=4)
    torch.nn.init.zeros_(estimator.score.weight)
    return fitted(estimator, TABLE)


def test_training_starts_from_the_means() -> None:
    """Quality 1/4 and (0.2 + 0.6) / 2; a call's usage is the arm's mean, (2 + 4 + 4 + 4) / 4 and 8."""
    found = flat()(torch.tensor([[3.0]]))
    assert found.quality[0].tolist() == pytest.approx([0.25, 0.4])
    assert found.usage[0].tolist() == pytest.approx([3.5, 8.0])
    assert found.spread[0].tolist() == [0.0, 0.0]


def test_the_loss_is_the_squared_error_of_known_cells() -> None:
    """(0.75^2 + 3 * 0.25^2 + 2 * 0.2^2) / 6 = (0.75 + 0.08) / 6."""
    assert flat().loss(TABLE).item() == pytest.approx(0.83 / 6)


def test_scores_are_clipped_when_estimated_and_not_when_learnt() -> None:
    """At 1.5 and -0.5 the estimates are 1 and 0, and the gradient of the error still leads back."""
    estimator = flat()
    with torch.no_grad():
        estimator.score.bias.copy_(torch.tensor([1.5, -0.5]))
    assert estimator(torch.tensor([[3.0]])).quality[0].tolist() == [1.0, 0.0]
    (gradient,) = torch.autograd.grad(estimator.loss(batch_of([[1.0]], [[1.0, 0.0]])), estimator.score.bias)
    # d/ds of ((s - q)^2 summed over two cells) / 2 is s - q
    assert gradient.tolist() == pytest.approx([0.5, -0.5])
