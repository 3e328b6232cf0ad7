"""Two prompts at (1, 0) and two at (0, 1).

First cluster: mean qualities 1, 1/2 and 0, costs 4, 2 and 1. Second cluster: all arms are right, costs 10, 5 and 0.
"""

from math import exp

import pytest
import torch

from anabranch.routers.estimators.balance_score import BalanceScore, relative
from tests.routers.estimators.batches import NAN, batch_of, fitted

EMBEDDING = [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
QUALITY = [[1.0, 1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
USAGE = [[4.0, 2.0, 1.0], [4.0, 2.0, 1.0], [10.0, 5.0, 0.0], [10.0, 5.0, 0.0]]
FIRST, SECOND = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])


def balance(nearest: int = 1, floor: float = 0.0) -> BalanceScore:
    estimator = BalanceScore(2, 3, clusters=2, nearest=nearest, floor=floor)
    return fitted(estimator, batch_of(EMBEDDING, QUALITY, usage=USAGE))


def score(estimator: BalanceScore, embedding: torch.Tensor, alpha: float) -> list[float]:
    found: list[float] = estimator(embedding, torch.tensor([alpha])).quality[0].tolist()
    return found


def test_accuracy_and_thrift_are_weighed_by_the_trade_off() -> None:
    """At 0.7: 0.7 * 1 + 0.3 * (1 - 4/4), 0.7 * 1/2 + 0.3 * (1 - 2/4), 0.7 * 0 + 0.3 * (1 - 1/4)."""
    assert score(balance(), FIRST, 0.7) == pytest.approx([0.7, 0.5, 0.225])


def test_where_all_are_equally_good_cost_decides() -> None:
    """0.7 * 1 for every arm, and 0.3 times 0, 1/2 and 1."""
    assert score(balance(), SECOND, 0.7) == pytest.approx([0.7, 0.85, 1.0])


def test_the_ends_of_the_knob_are_accuracy_and_thrift_alone() -> None:
    assert score(balance(), FIRST, 1.0) == pytest.approx([1.0, 0.5, 0.0])
    assert score(balance(), FIRST, 0.0) == pytest.approx([0.0, 0.5, 0.75])


def test_clusters_are_mixed_after_they_were_made_relative() -> None:
    """(0.8, 0.6): distances 0.2 and 0.4 at beta 9, so the nearer weighs 1 / (1 + e^-1.8)."""
    near = 1 / (1 + exp(-1.8))
    expected = [near * a + (1 - near) * b for a, b in ((0.7, 0.7), (0.5, 0.85), (0.225, 1.0))]
    assert score(balance(nearest=2), torch.tensor([[0.8, 0.6]]), 0.7) == pytest.approx(expected)


def test_an_arm_below_the_floor_scores_nothing() -> None:
    """Quality 1/2 reaches 0.4, quality 0 does not."""
    assert score(balance(floor=0.4), FIRST, 0.7) == pytest.approx([0.7, 0.5, 0.0])


def test_equal_qualities_are_all_the_best() -> None:
    assert relative(torch.zeros(1, 2)).tolist() == [[1.0, 1.0]]


def test_unknown_usage_is_refused_not_free() -> None:
    table = batch_of([[1.0]], [[1.0, 1.0]], usage=[[1.0, NAN]])
    with pytest.raises(ValueError, match=r"some arm's usage is unknown: use its tables form, or avengers"):
        fitted(BalanceScore(1, 2), table)


def test_the_trade_off_is_required() -> None:
    with pytest.raises(ValueError, match="needs a trade-off a row"):
        balance()(FIRST)
