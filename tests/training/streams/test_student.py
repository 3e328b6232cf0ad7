import numpy as np
import pytest
from scipy.special import softmax

from anabranch.training.streams.student import fit_student


def test_two_lessons_that_differ() -> None:
    """At 1 and -1, weights w and -w: slope -4 / (1 + exp(2 w)) + 2 penalty w is 0 at w = log(3) / 2 if the penalty is
    4 / (4 log 3) = 1 / log 3. The odds are then exp(2 w) = 3."""
    student = fit_student(np.array([[1.0], [-1.0]]), np.eye(2), penalty=1 / np.log(3))
    np.testing.assert_allclose(softmax(student.logits(np.array([1.0]))), [0.75, 0.25], atol=1e-6)
    np.testing.assert_allclose(student.weights[:, 0], [np.log(3) / 2, -np.log(3) / 2], atol=1e-6)


def test_soft_targets_are_met_by_the_biases() -> None:
    """A zero embedding moves no weight; cross entropy is least where the biases' probabilities are the mean targets."""
    student = fit_student(np.zeros((2, 3)), np.array([[0.6, 0.4, 0.0], [0.2, 0.4, 0.4]]), penalty=0.1)
    np.testing.assert_allclose(softmax(student.bias), [0.4, 0.4, 0.2], atol=1e-6)
    assert not student.weights.any()


def test_a_soft_lesson_is_as_many_hard_ones() -> None:
    """Cross entropy is linear in the targets: four lessons of shares 3/4 and 1/4 are three of one and one of other."""
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 3))
    soft = fit_student(np.array([one] * 4 + [other]), np.array([[0.75, 0.25]] * 4 + [[0.0, 1.0]]), 0.5)
    hard = fit_student(np.array([one] * 4 + [other]), np.eye(2)[[0, 0, 0, 1, 1]], 0.5)
    np.testing.assert_allclose(soft.weights, hard.weights, atol=1e-5)


def test_one_answer_is_a_student_too() -> None:
    student = fit_student(np.ones((3, 2)), np.ones((3, 1)), penalty=0.1)
    assert student.logits(np.ones(2)).shape == (1,)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_lessons_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    embedding, target = rng.normal(size=(40, 4)), np.eye(3)[rng.integers(0, 3, 40)]
    order = rng.permutation(40)
    first, second = fit_student(embedding, target, 0.1), fit_student(embedding[order], target[order], 0.1)
    np.testing.assert_allclose(first.weights, second.weights, atol=1e-4)
