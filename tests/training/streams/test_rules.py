"""The value of each selection rule by hand, and on which side of its threshold it calls."""

import numpy as np
import pytest

from anabranch.registry import resolve
from anabranch.training.streams.coreset import Coreset
from anabranch.training.streams.entropy import Entropy
from anabranch.training.streams.front_loading import FrontLoading
from anabranch.training.streams.margin import Margin
from anabranch.training.streams.query_by_committee import QueryByCommittee
from anabranch.training.streams.random_calls import RandomCalls
from anabranch.training.streams.registry import RULES
from anabranch.training.streams.rule import View
from anabranch.training.streams.student import Student

QUERY = np.array([0.6, 0.8])


def knows(*logits: float) -> Student:
    """A student with these logits, whatever it is asked."""
    return Student(np.zeros((len(logits), 2)), np.array(logits))


def view(*students: Student, u: float = 0.5) -> View:
    return View(QUERY, students, np.array([[1.0, 0.0], [0.0, 1.0], [-0.6, -0.8]], np.float32), u)


def test_margin_is_the_difference_of_the_two_best_logits() -> None:
    """Of 1, 4 and 2.5 the best are 4 and 2.5."""
    assert Margin().value(view(knows(9.0, 0.0), knows(1.0, 4.0, 2.5))) == 1.5
    assert Margin().calls(1.5, 1.6)
    assert not Margin().calls(1.5, 1.5)


def test_margin_reads_the_query() -> None:
    """Weights 1 and 0 on the first axis at 0.6, biases 0: logits 0.6 and 0."""
    student = Student(np.array([[1.0, 0.0], [0.0, 0.0]]), np.zeros(2))
    assert Margin().value(view(student)) == pytest.approx(0.6)


def test_entropy_in_nats() -> None:
    """Odds of 2 to 1 to 1: 1/2 log 2 + 2 * 1/4 log 4 = 3/2 log 2."""
    assert Entropy().value(view(knows(np.log(2), 0.0, 0.0))) == pytest.approx(1.5 * np.log(2))
    assert Entropy().calls(1.0, 0.9)
    assert not Entropy().calls(0.9, 0.9)


def test_entropy_of_a_belief_that_is_sure_is_0_and_no_nan() -> None:
    assert Entropy().value(view(knows(2000.0, 0.0))) == 0.0


def test_committee_counts_earlier_votes_for_the_present_answer() -> None:
    """The student says 1; of four earlier ones 1, 0, 1, and 0, the last of which knows one answer only: two votes."""
    students = (knows(0.0, 1.0), knows(1.0, 0.0), knows(0.0, 5.0, 1.0), knows(1.0), knows(0.0, 1.0, 0.0))
    assert QueryByCommittee().value(view(*students)) == 2.0
    assert QueryByCommittee().calls(2.0, 2)
    assert not QueryByCommittee().calls(3.0, 2)


def test_a_committee_of_one_has_no_votes() -> None:
    assert QueryByCommittee().value(view(knows(0.0, 1.0))) == 0.0


def test_coreset_is_the_largest_cosine() -> None:
    """Of (0.6, 0.8) with the axes and its opposite: 0.6, 0.8 and -1."""
    assert Coreset().value(view(knows(0.0))) == pytest.approx(0.8)
    assert Coreset().calls(0.7, 0.8)
    assert not Coreset().calls(0.8, 0.8)


def test_random_is_the_lot() -> None:
    assert RandomCalls().value(view(knows(0.0), u=0.25)) == 0.25
    assert RandomCalls().calls(0.25, 0.3)
    assert not RandomCalls().calls(0.3, 0.3)


def test_front_loading_never_can_tell() -> None:
    assert np.isnan(FrontLoading().value(view(knows(9.0, 0.0))))
    assert FrontLoading().calls(np.nan, 0.0)


@pytest.mark.parametrize("rule", [Margin(), Entropy(), QueryByCommittee()])
def test_a_student_that_knows_one_answer_cannot_tell(rule: Margin | Entropy | QueryByCommittee) -> None:
    assert np.isnan(rule.value(view(knows(1.0), knows(3.0))))


@pytest.mark.parametrize("name", RULES)
def test_the_surer_side_is_the_one_that_is_not_called(name: str) -> None:
    """Where the value moves to the surer side of a threshold, the rule calls no longer."""
    rule = resolve(name, RULES, "rule")()
    low, high = rule.calls(0.0, 1.0), rule.calls(2.0, 1.0)
    assert name == "front-loading" or (low, high) == ((True, False) if rule.surer == "higher" else (False, True))
