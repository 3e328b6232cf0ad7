"""Three prompts at (1, 0) and one at (0, 1): two clusters."""

from math import exp, sqrt

import pytest
import torch

from anabranch.routers.estimators.cluster import Cluster
from tests.routers.estimators.batches import NAN, batch_of, fitted

EMBEDDING = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
QUERIES = torch.tensor([[2.0, 0.1], [0.1, 2.0]])


def cluster(quality: list[float], prior: float, usage: list[float] | None = None) -> Cluster:
    cells = None if usage is None else [[cell] for cell in usage]
    table = batch_of(EMBEDDING, [[cell] for cell in quality], usage=cells)
    return fitted(Cluster(2, 1, clusters=2, prior=prior), table)


def test_a_cluster_is_shrunk_to_the_overall_mean() -> None:
    """Overall mean 1/2, worth two prompts: (1 + 1 + 0 + 2/2) / 5 = 0.6 and (0 + 2/2) / 3.

    Usage: overall 4, so (3 + 3 + 3 + 8) / 5 and (7 + 8) / 3.
    """
    found = cluster([1.0, 1.0, 0.0, 0.0], prior=2.0, usage=[3.0, 3.0, 3.0, 7.0])(QUERIES)
    assert found.quality.flatten().tolist() == pytest.approx([0.6, 1 / 3])
    assert found.usage.flatten().tolist() == pytest.approx([3.4, 5.0])


def test_spread_is_the_standard_error_of_the_mean() -> None:
    """Residuals to 0.6: 0.4, 0.4 and -0.6, variance 0.68 / 3, over 3 + 2 prompts; to 1/3: -1/3, over 1 + 2."""
    found = cluster([1.0, 1.0, 0.0, 0.0], prior=2.0)(QUERIES)
    assert found.spread.flatten().tolist() == pytest.approx([sqrt(0.68 / 15), sqrt(1 / 27)])


def test_unknown_cells_are_not_counted() -> None:
    """Overall (1 + 0) / 2: the first cluster knows one cell, (1 + 1/2) / 2; the second one, (0 + 1/2) / 2."""
    found = cluster([1.0, NAN, NAN, 0.0], prior=1.0)(QUERIES)
    assert found.quality.flatten().tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("prior", [0.0, 5.0])
def test_a_cluster_that_knows_nothing_has_the_overall_mean(prior: float) -> None:
    """(1 + 0 + 0.5) / 3, whose error is unknown."""
    found = cluster([1.0, 0.0, 0.5, NAN], prior=prior)(QUERIES[1:])
    assert found.quality.item() == pytest.approx(0.5)
    assert found.spread.item() == 0.0


def test_with_two_nearest_their_tables_are_mixed() -> None:
    """e = (0.8, 0.6) between centres (1, 0) and (0, 1), beta = 10: weights 1 / (1 + e^-2) and 1 / (1 + e^2).

    Means 2/3 and 0, usage 3 and 7; the first cluster's standard error is sqrt(2/9 / 3), the second has none.
    """
    table = batch_of(EMBEDDING, [[1.0], [1.0], [0.0], [0.0]], usage=[[3.0], [3.0], [3.0], [7.0]])
    estimator = fitted(Cluster(2, 1, clusters=2, prior=0.0, nearest=2, sharpness=10.0), table)
    found = estimator(torch.tensor([[0.8, 0.6]]))
    near = 1 / (1 + exp(-2))
    assert found.quality.item() == pytest.approx(near * 2 / 3)
    assert found.usage.item() == pytest.approx(3 * near + 7 * (1 - near))
    assert found.spread.item() == pytest.approx(near * sqrt(2 / 27))
