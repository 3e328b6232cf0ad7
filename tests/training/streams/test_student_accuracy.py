import numpy as np
import pytest

from anabranch.training.streams.student_accuracy import student_accuracy


def test_each_call_stands_for_the_queries_it_was_drawn_from() -> None:
    """Weights 1/p are 1, 2, 10 and 10: everywhere (2 + 10) / 23. Left to the student: 0, 1, 9 and 9, so 10 / 19.
    Effective: 19^2 / (1 + 81 + 81); error: sqrt(1 (9/19)^2 + 81 (9/19)^2 + 81 (10/19)^2) / 19."""
    found = student_accuracy([0, 1, 1, 0], [1, 0.5, 0.1, 0.1])
    assert found.everywhere.value == pytest.approx(12 / 23)
    assert found.where_it_answers.value == pytest.approx(10 / 19)
    assert found.where_it_answers.effective == pytest.approx(361 / 163)
    assert found.where_it_answers.error == pytest.approx(np.sqrt(82 * 81 + 81 * 100) / 19**2)


def test_queries_without_a_student_do_not_count() -> None:
    assert student_accuracy([np.nan, 1], [1, 0.5]).everywhere.value == 1.0


def test_without_exploring_nothing_is_known_of_what_the_student_answers() -> None:
    found = student_accuracy([1, 0], [1, 1])
    assert found.everywhere.value == 0.5
    assert np.isnan(found.where_it_answers.value)
    assert found.where_it_answers.effective == 0


def test_where_some_could_not_be_called_the_few_that_could_do_not_stand_for_them() -> None:
    found = student_accuracy([1, 0], [1, 0.5], explored=False)
    assert found.everywhere.value == pytest.approx(1 / 3)
    assert np.isnan(found.where_it_answers.value)


def test_the_weights_undo_the_selection() -> None:
    """20,000 queries, half easy and known to 0.9, called at 0.1, half hard and known to 0.5, always called. Everywhere
    the student knows 0.7; the plain mean of calls is (0.05 * 0.9 + 0.5 * 0.5) / 0.55 = 0.536."""
    rng = np.random.default_rng(0)
    hard = rng.random(20_000) < 0.5
    knows = (rng.random(20_000) < np.where(hard, 0.5, 0.9)).astype(float)
    chance = np.where(hard, 1.0, 0.1)
    called = rng.random(20_000) < chance
    found = student_accuracy(knows[called], chance[called])
    assert knows[called].mean() == pytest.approx(0.536, abs=0.02)
    assert found.everywhere.value == pytest.approx(0.7, abs=4 * found.everywhere.error)
    assert found.where_it_answers.value == pytest.approx(0.9, abs=4 * found.where_it_answers.error)
    assert found.everywhere.error < 0.01
