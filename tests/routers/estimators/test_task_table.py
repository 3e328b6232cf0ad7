"""Three prompts at (1, 0) of task 0, one at (0, 1) of task 1."""

import pytest
import torch

from anabranch.routers.estimators.task_table import TaskTable
from tests.routers.estimators.batches import batch_of, fitted

EMBEDDING = [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
QUALITY = [[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]
USAGE = [[3.0, 1.0], [3.0, 1.0], [3.0, 1.0], [7.0, 1.0]]
QUERIES = torch.tensor([[2.0, 0.1], [0.1, 2.0]])


def test_the_likeliest_task_is_looked_up() -> None:
    """Task 0: 2/3 and 0 at usage 3; task 1: 0 and 1 at usage 7; nothing is mixed in."""
    estimator = TaskTable(2, 2, lookup="hard", prior=0.0)
    found = fitted(estimator, batch_of(EMBEDDING, QUALITY, usage=USAGE, task=[0, 0, 0, 1]))(QUERIES)
    torch.testing.assert_close(found.quality, torch.tensor([[2 / 3, 0.0], [0.0, 1.0]]))
    torch.testing.assert_close(found.usage, torch.tensor([[3.0, 1.0], [7.0, 1.0]]))


def test_a_soft_lookup_is_the_expected_row() -> None:
    """P = (1/2, 1/2) for a classifier of zeros: (2/3 + 0) / 2 and (0 + 1) / 2; usage (3 + 7) / 2."""
    estimator = fitted(TaskTable(2, 2, prior=0.0), batch_of(EMBEDDING, QUALITY, usage=USAGE, task=[0, 0, 0, 1]))
    estimator.tasks.weight = torch.zeros(3, 2)
    found = estimator(QUERIES[:1])
    assert found.quality[0].tolist() == pytest.approx([1 / 3, 1 / 2])
    assert found.usage[0].tolist() == pytest.approx([5.0, 1.0])


def test_a_prompt_of_unknown_task_teaches_only_the_overall_row() -> None:
    """The last prompt's task is unknown: task 0 is the only one, and its row leans on the overall mean of all four.

    Overall 1/2 and 1/4, worth one prompt beside three: (2 + 1/2) / 4 and (0 + 1/4) / 4.
    """
    found = fitted(TaskTable(2, 2, prior=1.0), batch_of(EMBEDDING, QUALITY, task=[0, 0, 0, -1]))(QUERIES)
    torch.testing.assert_close(found.quality, torch.tensor([[0.625, 0.0625]] * 2))


@pytest.mark.parametrize("task", [0, -1], ids=["one task", "none known"])
@pytest.mark.parametrize("lookup", ["soft", "hard"])
def test_without_tasks_to_tell_apart_every_prompt_gets_the_means(task: int, lookup: str) -> None:
    estimator = TaskTable(2, 2, lookup=lookup)  # type: ignore[arg-type]
    found = fitted(estimator, batch_of(EMBEDDING, QUALITY, usage=USAGE, task=[task] * 4))(QUERIES)
    torch.testing.assert_close(found.quality, torch.tensor([[0.5, 0.25]] * 2))
    torch.testing.assert_close(found.usage, torch.tensor([[4.0, 1.0]] * 2))
