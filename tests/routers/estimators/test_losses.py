from math import log

import pytest
import torch

from anabranch.routers.estimators.losses import masked_bce, masked_mean, masked_relative_mse
from tests.routers.estimators.batches import NAN


def test_the_mean_is_over_known_cells() -> None:
    """(1 + 4) / 2, and 0 where nothing is known."""
    loss = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    assert masked_mean(loss, torch.tensor([[True, False], [False, True]])).item() == 2.5
    assert masked_mean(loss, torch.zeros(2, 2, dtype=torch.bool)).item() == 0.0


def test_cross_entropy_against_a_soft_label() -> None:
    """Logit log 3 is probability 3/4; label 1/4: -(1/4) log(3/4) - (3/4) log(1/4)."""
    found = masked_bce(torch.tensor([[log(3.0), 9.0]]), torch.tensor([[0.25, NAN]]))
    assert found.item() == pytest.approx(-0.25 * log(0.75) - 0.75 * log(0.25))


def test_usage_errors_are_in_units_of_the_arm() -> None:
    """(1.5 - 10 / 10)^2 = 0.25 and (0.5 - 3 / 2)^2 = 1; the third arm has no scale."""
    relative, target = torch.tensor([[1.5, 0.5, 7.0]]), torch.tensor([[10.0, 3.0, 5.0]])
    found = masked_relative_mse(relative, target, torch.tensor([10.0, 2.0, NAN]))
    assert found.item() == pytest.approx(0.625)


@pytest.mark.parametrize("loss", ["bce", "mse"])
def test_unknown_cells_have_no_gradient(loss: str) -> None:
    value = torch.tensor([[1.0, 1.0]], requires_grad=True)
    target = torch.tensor([[0.5, NAN]])
    total = masked_bce(value, target) if loss == "bce" else masked_relative_mse(value, target, torch.tensor([1.0, NAN]))
    (gradient,) = torch.autograd.grad(total, value)
    assert gradient[0, 0] != 0 and gradient[0, 1] == 0
