from math import e

import pytest
import torch

from anabranch.routers.estimators.task_classifier import TaskClassifier, fit_softmax, task_labels

ONE_OVER_ONE_PLUS_E = 1 / (1 + e)


def classifier(embedding: list[list[float]], task: list[int], l2: float = 1e-3) -> TaskClassifier:
    made = TaskClassifier(len(embedding[0]), l2=l2)
    made.fit(torch.tensor(embedding), torch.tensor(task))
    return made


def test_the_fit_minimises_cross_entropy_and_shrinkage() -> None:
    """Embeddings -1 and 1 of tasks 0 and 1; by symmetry the weights are -w and w and the constants 0.

    The loss 2 log(1 + e^-2w) + l2 w^2 has its minimum at w = 1/2 if l2 = 4 / (1 + e); there P = 1 / (1 + 1/e).
    """
    found = classifier([[-1.0], [1.0]], [0, 1], l2=4 * ONE_OVER_ONE_PLUS_E)
    torch.testing.assert_close(found.weight, torch.tensor([[-0.5, 0.5], [0.0, 0.0]]), atol=1e-5, rtol=0)
    assert found(torch.tensor([[1.0]]))[0].tolist() == pytest.approx([ONE_OVER_ONE_PLUS_E, 1 / (1 + 1 / e)], abs=1e-5)


def test_without_signal_probabilities_are_shares() -> None:
    """Three prompts of task 0 and one of task 1, all the empty text."""
    found = classifier([[0.0]] * 4, [0, 0, 0, 1])(torch.zeros(1, 1))
    assert found[0].tolist() == pytest.approx([0.75, 0.25], abs=1e-3)


def test_prompts_of_unknown_task_are_left_out() -> None:
    known = classifier([[-1.0], [1.0]], [0, 1])
    mixed = classifier([[-1.0], [0.3], [1.0], [-0.9]], [0, -1, 1, -1])
    assert mixed.weight.equal(known.weight)


def test_a_training_set_that_knows_no_task_has_one() -> None:
    assert classifier([[-1.0], [1.0]], [-1, -1])(torch.tensor([[0.5], [9.0]])).tolist() == [[1.0], [1.0]]


def test_only_the_direction_counts() -> None:
    """Unit rows: a prompt a hundred times as long is of the same task with the same probability."""
    found = classifier([[-3.0, 0.0], [0.2, 0.1]], [0, 1])
    one, hundred = found(torch.tensor([[0.1, 0.1], [10.0, 10.0]]))
    torch.testing.assert_close(one, hundred)


def test_a_task_without_a_prompt_is_unlikely_and_finite() -> None:
    """Numbers of tasks may have gaps where prompts were left out."""
    weight = fit_softmax(torch.ones(20, 1), torch.tensor([0, 2] * 10), 3, l2=1.0)
    chance = (torch.ones(1, 2).double() @ weight).softmax(dim=1)[0]
    assert weight.isfinite().all() and chance[1] < 0.01
    assert chance[0].item() == pytest.approx(chance[2].item(), abs=1e-6)


def test_labels_of_unknown_tasks_alone_are_one_empty_column() -> None:
    assert task_labels(torch.tensor([-1, -1])).tolist() == [[0.0], [0.0]]
