from math import log

import pytest
import torch

from anabranch.routers.estimators.best_route import BestRoute, match_probability
from tests.routers.estimators.batches import NAN, batch_of, fitted


def matches(samples: list[list[float]], reference: int, slack: float = 0.0) -> list[float]:
    return match_probability(torch.tensor([samples]), torch.tensor(reference), slack)[0].tolist()


def test_a_match_is_a_pair_of_samples_where_the_arm_is_no_worse() -> None:
    """Arm 0 with 0, 0.5 against 0.25, 0.5: 0.5 >= 0.25 and 0.5 >= 0.5, 2 of 4 pairs; the reference itself 3 of 4."""
    assert matches([[0.0, 0.5], [0.25, 0.5]], reference=1) == [0.5, 0.75]


def test_slack_forgives() -> None:
    """0.5 is within 0.25 of 0.75; 0.25 is not."""
    assert matches([[0.5, 0.25], [0.75, 0.75]], reference=1, slack=0.25)[0] == 0.5


def test_padding_counts_for_nothing() -> None:
    """One sample of arm 0 against two of the reference: 1 >= 0 and 1 >= 1. No sample of arm 2."""
    found = matches([[1.0, NAN], [0.0, 1.0], [NAN, NAN]], reference=1)
    assert found[:2] == [1.0, 0.75] and found[2] != found[2]


def test_nothing_is_known_where_the_reference_has_no_sample() -> None:
    found = matches([[1.0], [NAN]], reference=1)
    assert all(share != share for share in found)


def test_the_reference_is_the_arm_of_the_highest_mean_quality() -> None:
    """Means over known cells are 0.5 and 0.75; its own score is 1 whatever the prompt."""
    table = batch_of([[1.0], [-1.0]], [[0.5, 0.75], [0.5, NAN]])
    estimator = fitted(BestRoute(1, 2, hidden=4), table)
    assert estimator.reference.tolist() == [0.0, 1.0]
    quality = estimator(torch.tensor([[5.0], [-5.0]])).quality
    assert quality[:, 1].tolist() == [1.0, 1.0] and (quality[:, 0].abs() < 1).all()


def test_the_loss_is_cross_entropy_over_the_other_arms() -> None:
    """Untrained logits of 0: log 2 from each known arm but the reference, whatever the target."""
    table = batch_of([[1.0], [-1.0]], [[0.0, 1.0, 0.5], [1.0, 1.0, NAN]])
    estimator = fitted(BestRoute(1, 3, hidden=4), table)
    for part in estimator.match.parameters():
        torch.nn.init.zeros_(part)
    assert estimator.loss(table).item() == pytest.approx(log(2))
    assert estimator(torch.zeros(1, 1)).quality[0].tolist() == pytest.approx([0.0, 1.0, 0.0])


def test_a_pool_of_the_reference_alone_has_nothing_to_learn() -> None:
    table = batch_of([[1.0]], [[1.0]])
    assert fitted(BestRoute(1, 1, hidden=4), table).loss(table).item() == 0.0
