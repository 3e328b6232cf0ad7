"""Who of a line is called, and which answer is kept."""

from math import inf, nan

import numpy as np
import pytest

from anabranch.routers.deferral.line import Line
from anabranch.routers.deferral.state import Abstain, Action, Answer, Call, Candidate, State

LINE = Line((2, 0), (1, 3))
DEAD = [Candidate(model, signals={"sure": 1.0}, failed=True) for model in range(4)]


def said(model: int, sure: float = 0.0) -> Candidate:
    return Candidate(model, signals={"sure": sure})


def step(line: Line, *candidates: Candidate, threshold: float = 0.5) -> Action:
    return line.step(state(*candidates), "sure", threshold)


def state(*candidates: Candidate) -> State:
    return State(candidates, np.ones(4), np.ones(4), u=0.0)


def test_a_sure_answer_ends_it_and_the_last_of_the_cascade_does() -> None:
    assert step(LINE) == Call((2,), "first")
    assert step(LINE, said(2, 0.5)) == Answer(0, "sure")
    assert step(LINE, said(2, 0.4)) == Call((0,), "unsure")
    assert step(LINE, said(2, 0.4), said(0, 0.1)) == Answer(1, "last")
    assert step(Line((2,), (0,)), said(2, -inf)) == Answer(0, "only")


def test_an_unknown_signal_is_not_sure_whatever_the_threshold() -> None:
    assert step(LINE, Candidate(2), threshold=-inf) == Call((0,), "unsure")
    assert step(LINE, said(2, nan), threshold=-inf) == Call((0,), "unsure")
    assert step(LINE, said(2, -1e9), threshold=-inf) == Answer(0, "sure")


def test_spare_models_are_called_only_while_there_is_no_answer() -> None:
    """Of a cascade of two: both failed, then a spare one too; the second spare one's answer is kept, sure or not."""
    assert step(LINE, DEAD[2], DEAD[0]) == Call((1,), "unsure")
    assert step(LINE, DEAD[2], DEAD[0], DEAD[1]) == Call((3,), "unsure")
    assert step(LINE, DEAD[2], DEAD[0], DEAD[1], said(3)) == Answer(3, "last")
    assert step(LINE, said(2), DEAD[0]) == Answer(0, "last")
    assert isinstance(step(LINE, DEAD[2], DEAD[0], DEAD[1], DEAD[3]), Abstain)


@pytest.mark.parametrize(
    ("candidates", "final"),
    [((), False), ((said(2),), True), ((DEAD[2], DEAD[0]), True), ((DEAD[2], DEAD[0], DEAD[1]), True)],
)
def test_the_last_of_the_cascade_is_final_and_so_are_all_after_it(
    candidates: tuple[Candidate, ...], final: bool
) -> None:
    assert LINE.is_final(state(*candidates)) is final
