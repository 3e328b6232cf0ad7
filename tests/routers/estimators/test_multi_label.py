from math import log

import pytest
import torch

from anabranch.routers.estimators.multi_label import MultiLabel
from tests.routers.estimators.batches import NAN, batch_of, fitted

QUALITY = [[1.0], [0.0], [0.0], [0.0]]
TABLE = batch_of([[1.0]] * 4, QUALITY, usage=[[2.0], [6.0], [NAN], [NAN]])


def with_logit(logit: float, balanced: bool) -> MultiLabel:
    """One arm that was right once in four; the network says the same logit everywhere."""
    estimator = MultiLabel(1, 1, balanced=balanced)
    torch.nn.init.zeros_(estimator.logits.weight)
    torch.nn.init.constant_(estimator.logits.bias, logit)
    return fitted(estimator, TABLE)


def test_without_weights_the_loss_is_the_cross_entropy() -> None:
    """Logit ln 3 is 3/4: one right and three wrong answers, (ln 4/3 + 3 ln 4) / 4."""
    estimator = with_logit(log(3), balanced=False)
    assert estimator.loss(TABLE).item() == pytest.approx((log(4 / 3) + 3 * log(4)) / 4)
    found = estimator(torch.tensor([[5.0]]))
    assert found.quality.item() == pytest.approx(0.75) and found.usage.item() == 4.0


def test_balanced_weights_let_right_and_wrong_count_alike() -> None:
    """Weights 4 / (2 * 1) = 2 and 4 / (2 * 3) = 2/3: (2 ln 4/3 + 3 * 2/3 ln 4) / 4."""
    estimator = with_logit(log(3), balanced=True)
    assert estimator.right.item() == pytest.approx(2) and estimator.wrong.item() == pytest.approx(2 / 3)
    assert estimator.loss(TABLE).item() == pytest.approx((2 * log(4 / 3) + 2 * log(4)) / 4)


def test_what_balanced_weights_do_to_the_logits_is_undone() -> None:
    """Their loss is least at logit 0, where right and wrong weigh alike; quality there is the arm's share, 1/4."""
    losses = [with_logit(logit, balanced=True).loss(TABLE).item() for logit in (0.0, 0.1, -0.1)]
    assert losses[0] == min(losses)
    assert with_logit(0.0, balanced=True)(torch.tensor([[5.0]])).quality.item() == pytest.approx(0.25)


def test_unknown_cells_count_for_nothing() -> None:
    table = batch_of([[1.0], [1.0]], [[1.0, NAN], [NAN, NAN]])
    estimator = fitted(MultiLabel(1, 2, balanced=True), table)
    torch.nn.init.zeros_(estimator.logits.weight)
    torch.nn.init.zeros_(estimator.logits.bias)
    # always right is taken for 0.99, so its weight is 0.5 / 0.99; one known cell at probability 1/2
    assert estimator.loss(table).item() == pytest.approx(log(2) * 0.5 / 0.99)
    assert estimator(torch.tensor([[1.0]])).quality[0, 1].item() == pytest.approx(0.5)
