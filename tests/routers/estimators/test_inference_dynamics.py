"""One prompt each at (1, 0), (0, 1) and (-1, 0), each its own cluster; the first is answered well."""

import pytest
import torch
from torch import Tensor

from anabranch.routers.estimators.inference_dynamics import InferenceDynamics
from tests.routers.estimators.batches import batch_of, fitted

EMBEDDING = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]
QUERY = torch.tensor([[3.0, 0.0]])


def quality(knowledge_share: float, task: list[int], query: Tensor = QUERY, prior: float = 0.0) -> float:
    settings = {"clusters": 3, "ranks": 2, "decay": 0.5, "prior": prior, "l2": 1e-6}
    estimator = InferenceDynamics(2, 1, knowledge_share=knowledge_share, **settings)  # type: ignore[arg-type]
    return float(fitted(estimator, batch_of(EMBEDDING, [[1.0], [0.0], [0.0]], task=task))(query).quality)


def test_capabilities_are_ranked_clusters() -> None:
    """Ranks weigh 2/3 and 1/3. The middle prompt has two second places: 1/2, 1/4, 1/4 over itself, first and last.

    First cluster: 2/3 of the good prompt and 1/4 of the middle one, so 8/11. Middle cluster: 1/3, 1/2 and 1/3 of the
    three, so 2/7. A prompt at the first: 2/3 * 8/11 + 1/3 * 2/7 = 134/231.
    """
    assert quality(0.0, task=[0, 0, 0]) == pytest.approx(134 / 231)


def test_knowledge_is_the_task() -> None:
    """The first two prompts are of one task, 1/2; the last is of another, 0. The classifier is nearly certain."""
    assert quality(1.0, task=[0, 0, 1]) == pytest.approx(0.5, abs=0.01)
    assert quality(1.0, task=[0, 0, 1], query=-QUERY) == pytest.approx(0.0, abs=0.01)


def test_both_records_are_weighed() -> None:
    """One task has the overall mean, 1/3."""
    assert quality(0.25, task=[0, 0, 0]) == pytest.approx(0.25 / 3 + 0.75 * 134 / 231)


def test_unknown_labels_give_the_overall_mean() -> None:
    """No task is known, and a prior of a million prompts leaves nothing of the clusters."""
    assert quality(1.0, task=[-1, -1, -1]) == pytest.approx(1 / 3)
    assert quality(0.0, task=[-1, -1, -1], prior=1e6) == pytest.approx(1 / 3, abs=1e-4)


def test_usage_is_looked_up_as_quality_is() -> None:
    """Usage 11 and 0 and 0 where quality is 1, 0 and 0."""
    table = batch_of(EMBEDDING, [[1.0], [0.0], [0.0]], usage=[[11.0], [0.0], [0.0]])
    found = fitted(InferenceDynamics(2, 1, clusters=3, prior=0.0), table)(QUERY)
    assert found.usage.item() == pytest.approx(11 * found.quality.item())
