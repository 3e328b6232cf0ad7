"""Neural caching: a student answers when it is sure, otherwise a large model answers and teaches it."""

from typing import ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from anabranch.registry import resolve
from anabranch.routers.policies.draws import draws
from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.pace import chance_of_call
from anabranch.training.streams.registry import RULES
from anabranch.training.streams.rule import Rule, View
from anabranch.training.streams.settings import CacheSettings
from anabranch.training.streams.stored import Stored
from anabranch.training.streams.student import Floats, Student, fit_student
from anabranch.training.streams.student_accuracy import StudentAccuracy, student_accuracy

Reason = Literal["spent", "first", "forced", "unknown", "explored", "unsure", "sure"]


class Decision(NamedTuple):
    """What to do with a query.

    Args:
        position: queries settled before it.
        call: whether the large model is called.
        reason: spent (the budget), first (of `n_init`), forced (the budget lasts for all that is left), unknown (there
            is no student, or the rule cannot tell), explored, unsure or sure.
        answer: the student's, which is given if the large model is not called; None if there is no student.
        value: of the rule; NaN if unknown or not asked for.
        propensity: the chance with which the query is called, given all before it.
    """

    position: int
    call: bool
    reason: Reason
    answer: str | None
    value: float
    propensity: float


class NeuralCache:
    """A student and the lessons it learns from, under a budget of calls.

    For each query of the stream, one after another: `decide`, call the large model if the decision says so, `settle`.
    `decide` changes nothing. A query that is never settled has not happened.

    The student is trained when there are `retrain_every` new lessons, the first time no later than when the first
    `n_init` queries are over, and once more when the budget is spent, as no lesson will follow.

    Args:
        width: D, of the embeddings.
        settings: all else.

    >>> cache = NeuralCache(width=2, settings=CacheSettings(budget=2, length=3, n_init=2))
    >>> for text, answer in (([1.0, 0.0], "joy"), ([0.0, 1.0], "fear")):
    ...     cache.settle(text, cache.decide(text), Lesson(answer, {answer: 1.0}))
    >>> decision = cache.decide([0.9, 0.1])
    >>> decision.call, decision.answer
    (False, 'joy')
    """

    source: ClassVar[str] = "arXiv 2310.13561"
    specification: ClassVar[str] = "code"

    def __init__(self, width: int, settings: CacheSettings) -> None:
        self.width = width
        self.settings = settings
        self.seen = 0
        self.calls = 0
        self.unlearnt = 0
        self.answers: list[str] = []
        self.stored = Stored(width)
        self.checkpoints: list[Student] = []
        self.doubts: list[float] = []
        self.agreed: list[float] = []
        self.propensity: list[float] = []
        self._rule: Rule = resolve(settings.rule, RULES, "rule")()

    @property
    def budget_left(self) -> int:
        """Calls that may still be made."""
        return self.settings.budget - self.calls

    def student_accuracy(self) -> StudentAccuracy:
        """How often the student says what the large model says, each query's student as it was when it was asked."""
        return student_accuracy(self.agreed, self.propensity, explored=self.settings.explore > 0)

    def decide(self, embedding: ArrayLike) -> Decision:
        """Whether the next query calls the large model.

        Args:
            embedding: float [D], of any length.

        Raises:
            ValueError: it is not [D], or not finite.
        """
        unit = self._unit(embedding)
        answer = self._answer(unit)
        certain = self._certain(answer)
        if certain is not None:
            return Decision(self.seen, certain != "spent", certain, answer, np.nan, float(certain != "spent"))
        lots = draws([f"{self.seen}\0{use}" for use in ("explore", "rank", "random")], self.settings.seed).tolist()
        value = self._rule.value(View(unit, self.checkpoints, self.stored.embedding, lots[2]))
        if np.isnan(value):
            return Decision(self.seen, True, "unknown", answer, value, 1.0)
        explore, unsure = self._chances(value)
        reason: Reason = "unsure" if lots[1] < unsure else "explored" if lots[0] < explore else "sure"
        return Decision(self.seen, reason != "sure", reason, answer, value, unsure + (1 - unsure) * explore)

    def settle(self, embedding: ArrayLike, decision: Decision, lesson: Lesson | None = None) -> None:
        """Take in what became of a query; a call counts, whatever came of it.

        Args:
            embedding: float [D], the one that was decided on.
            decision: what `decide` said.
            lesson: the large model's answer; None if it was not called, failed, or gave no canonical answer.

        Raises:
            ValueError: another query was settled since the decision, an answer that was not called is given, or its
                targets are not weights.
        """
        unit = self._unit(embedding)
        self._check(decision, lesson)
        self.seen += 1
        if not np.isnan(decision.value):
            self.doubts = [*self.doubts, self._doubt(decision.value)][-self.settings.window :]
        if not decision.call:
            return
        self.calls += 1
        if lesson is not None:
            self._learn(unit, decision, lesson)
        if self._due():
            self._retrain()

    def _unit(self, embedding: ArrayLike) -> Floats:
        # in the precision of what is stored, so that a query that comes back is the same query
        given = np.asarray(embedding, np.float32).astype(np.float64)
        if given.shape != (self.width,) or not np.isfinite(given).all():
            raise ValueError(f"an embedding of shape {given.shape} must be finite and of shape ({self.width},)")
        length = float(np.linalg.norm(given))
        return given / length if length else given

    def _answer(self, unit: Floats) -> str | None:
        return self.answers[int(self.checkpoints[-1].logits(unit).argmax())] if self.checkpoints else None

    def _certain(self, answer: str | None) -> Reason | None:
        """Why the query is called, or is not, whatever the rule says."""
        length = self.settings.length
        if self.budget_left <= 0:
            return "spent"
        if self.seen < self.settings.n_init:
            return "first"
        if length is not None and length - self.seen <= self.budget_left:
            return "forced"
        return "unknown" if answer is None else None

    def _chances(self, value: float) -> tuple[float, float]:
        """How likely the query is explored, and how likely the rule calls it."""
        explore, h = self.settings.explore, self.settings.h
        if h is not None:
            return explore, float(self._rule.calls(value, h))
        assert self.settings.length is not None  # without h or length there is only the rule that never can tell
        pace = self.budget_left / (self.settings.length - self.seen)  # below 1, or the call would be forced
        explore = min(explore, pace / 2)
        share = (pace - explore) / (1 - explore)
        return explore, chance_of_call(self._doubt(value), np.array(self.doubts), share)

    def _doubt(self, value: float) -> float:
        return -value if self._rule.surer == "higher" else value

    def _check(self, decision: Decision, lesson: Lesson | None) -> None:
        if decision.position != self.seen:
            raise ValueError(
                f"the decision was made after {decision.position} queries, and {self.seen} are settled: "
                "settle a query before the next is decided"
            )
        if lesson is None:
            return
        if not decision.call:
            raise ValueError(f"the answer {lesson.answer!r} is given for a query that was not called: give none")
        weights = np.array(list(lesson.target.values()), np.float64)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
            raise ValueError(f"targets {dict(lesson.target)} must be weights of at least 0, one of them above")

    def _learn(self, unit: Floats, decision: Decision, lesson: Lesson) -> None:
        target = {answer: weight for answer, weight in lesson.target.items() if weight > 0}
        self.answers += [answer for answer in target if answer not in self.answers]
        self.stored.add(unit, {self.answers.index(answer): weight for answer, weight in target.items()})
        self.agreed.append(np.nan if decision.answer is None else float(decision.answer == lesson.answer))
        self.propensity.append(decision.propensity)
        self.unlearnt += 1

    def _due(self) -> bool:
        over = self.budget_left <= 0 or (not self.checkpoints and self.seen >= self.settings.n_init)
        return self.unlearnt >= (1 if over else self.settings.retrain_every)

    def _retrain(self) -> None:
        embedding = self.stored.embedding.astype(np.float64)
        student = fit_student(embedding, self.stored.targets(len(self.answers)), self.settings.penalty)
        self.checkpoints = [*self.checkpoints, student][-self.settings.committee :]
        self.unlearnt = 0
