import pytest
import torch

from anabranch.routers.estimators.mlp import MLP
from tests.routers.estimators.batches import NAN, batch_of, fitted


def test_training_starts_from_the_means() -> None:
    """With the heads' weights at 0 only the starting biases speak: quality (1 + 0 + 0 + 0) / 4, usage (2 + 6) / 2."""
    table = batch_of([[1.0]] * 4, [[1.0], [0.0], [0.0], [0.0]], usage=[[2.0], [6.0], [NAN], [NAN]])
    estimator = MLP(1, 1, hidden=4)
    torch.nn.init.zeros_(estimator.quality.weight)
    torch.nn.init.zeros_(estimator.usage.weight)
    found = fitted(estimator, table)(torch.tensor([[3.0]]))
    assert found.quality.item() == pytest.approx(0.25)
    assert found.usage.item() == pytest.approx(4.0, rel=1e-4)
    assert found.spread.item() == 0.0


@pytest.mark.parametrize("usage", [[[NAN, NAN]] * 2, [[1.0, NAN]] * 2], ids=["all unknown", "one arm unknown"])
def test_unknown_usage_leaves_every_gradient_finite(usage: list[list[float]]) -> None:
    """Otherwise the first step would make the weights NaN, and the best epoch would be the untrained one."""
    table = batch_of([[1.0], [-1.0]], [[1.0, 0.0], [0.0, 1.0]], usage=usage)
    estimator = fitted(MLP(1, 2, hidden=4), table)
    loss = estimator.loss(table)
    gradients = torch.autograd.grad(loss, list(estimator.parameters()), allow_unused=True)
    assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)


def test_an_arm_that_is_always_right_starts_at_a_finite_logit() -> None:
    """Means are kept within [0.01, 0.99]."""
    estimator = fitted(MLP(1, 1, hidden=4), batch_of([[1.0]], [[1.0]]))
    assert estimator.quality.bias.item() == pytest.approx(torch.tensor(0.99).logit().item())
