"""Run a recorded stream through a neural cache."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anabranch.training.streams.neural_caching import NeuralCache, Reason
from anabranch.training.streams.recorded import RecordedStream
from anabranch.training.streams.student import Floats
from anabranch.training.streams.student_accuracy import StudentAccuracy, student_accuracy

By = Literal["student", "large model", "nobody"]


@dataclass(frozen=True, eq=False)
class Streamed:
    """What happened to N queries, in their order.

    Args:
        called: bool [N].
        reason: N reasons of the decisions.
        answer: N canonical answers that were given; None if none was, or a called answer gives none.
        guess: N answers of the student, given or not; None while there is none.
        quality: float [N], of the answers given; NaN if unknown.
        agreement: float [N], whether the answers given are the large model's; NaN where it has none.
        cost_usd: float [N], 0 where it was not called; NaN if unknown.
        propensity: float [N], the chances with which they were called.
        agreed: float [N], whether the student's answers are the large model's; NaN where either has none. Of queries
            that were not called, this is known from the recording alone.
    """

    called: NDArray[np.bool_]
    reason: tuple[Reason, ...]
    answer: tuple[str | None, ...]
    guess: tuple[str | None, ...]
    quality: Floats
    agreement: Floats
    cost_usd: Floats
    propensity: Floats
    agreed: Floats

    @property
    def by(self) -> tuple[By, ...]:
        """Who answered, [N]."""
        return tuple(
            "large model" if called else "nobody" if guess is None else "student"
            for called, guess in zip(self.called.tolist(), self.guess, strict=True)
        )

    @property
    def calls(self) -> int:
        """Of the large model."""
        return int(self.called.sum())

    @property
    def total_cost_usd(self) -> float:
        """Of all calls; NaN if one is unknown."""
        return float(self.cost_usd.sum())

    @property
    def accuracy(self) -> float:
        """Online accuracy against the truth: the mean quality of the answers given, where it is known.

        Where truths are missing, the quality of called answers is known more often than that of the student's, which
        flatters calls: `take` the queries that have one.
        """
        return float(self.accuracy_curve[-1])

    @property
    def agreement_rate(self) -> float:
        """Online accuracy against the large model, where it has an answer."""
        return float(self.agreement_curve[-1])

    @property
    def accuracy_curve(self) -> Floats:
        """The online accuracy after each query, [N]; NaN before the first that is known."""
        return _running_mean(self.quality)

    @property
    def agreement_curve(self) -> Floats:
        """The agreement after each query, [N]; NaN before the first that is known."""
        return _running_mean(self.agreement)

    @property
    def calls_curve(self) -> NDArray[np.int64]:
        """Calls so far, [N]."""
        return np.cumsum(self.called)

    @property
    def cost_curve(self) -> Floats:
        """USD so far, [N]."""
        return np.cumsum(self.cost_usd)

    @property
    def student_accuracy(self) -> StudentAccuracy:
        """What the calls alone tell about the student, see `student_accuracy`."""
        sure = np.array([reason == "sure" for reason in self.reason])
        explored = bool((self.propensity[sure] > 0).all())
        return student_accuracy(self.agreed[self.called], self.propensity[self.called], explored=explored)

    @property
    def observed_student_accuracy(self) -> float:
        """How often the student's own answers are the large model's, by the recording; NaN if it gave none."""
        own = self.agreement[np.array([by == "student" for by in self.by])]
        return float(_running_mean(own)[-1]) if len(own) else np.nan


def run_stream(cache: NeuralCache, stream: RecordedStream) -> Streamed:
    """What a cache makes of a stream; the cache learns along.

    The cache is given the answers that it calls, and no others: what was recorded of those is read to measure, after
    the decision.

    Args:
        cache: fresh, or one that goes on.
        stream: N queries, at least 1.
    """
    decisions = []
    for embedding, lesson in zip(stream.embedding, stream.lessons, strict=True):
        decision = cache.decide(embedding)
        cache.settle(embedding, decision, lesson if decision.call else None)
        decisions.append(decision)
    called = np.array([decision.call for decision in decisions])
    large = [lesson and lesson.answer for lesson in stream.lessons]
    guess = [decision.answer for decision in decisions]
    answer = [two if call else one for call, one, two in zip(called.tolist(), guess, large, strict=True)]
    own = np.array([stream.quality_of(row, one) for row, one in enumerate(guess)])
    return Streamed(
        called=called,
        reason=tuple(decision.reason for decision in decisions),
        answer=tuple(answer),
        guess=tuple(guess),
        quality=np.where(called, stream.quality, own),
        agreement=_equal(answer, large),
        cost_usd=np.where(called, stream.cost_usd, 0.0),
        propensity=np.array([decision.propensity for decision in decisions]),
        agreed=np.where(np.array([one is None for one in guess]), np.nan, _equal(guess, large)),
    )


def _equal(answers: Sequence[str | None], large: Sequence[str | None]) -> Floats:
    """Whether answers are the large model's, [N]; NaN where it has none."""
    return np.array([np.nan if two is None else float(one == two) for one, two in zip(answers, large, strict=True)])


def _running_mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    count = np.cumsum(known)
    total = np.cumsum(np.where(known, values, 0.0))
    return np.asarray(np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0))
