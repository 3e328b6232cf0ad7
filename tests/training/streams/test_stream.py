from dataclasses import replace

import numpy as np
import pytest

from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.neural_caching import NeuralCache
from anabranch.training.streams.recorded import RecordedStream
from anabranch.training.streams.registry import RULES
from anabranch.training.streams.settings import CacheSettings
from anabranch.training.streams.stream import Streamed, run_stream
from tests.training.streams.worlds import clusters, easy_and_new, stream_of

FIRST, QUERIES = 40, 440


def ran(stream: RecordedStream, **given: float | str | None) -> Streamed:
    settings = CacheSettings(**{"budget": len(stream), "length": len(stream), "n_init": FIRST, **given})  # type: ignore[arg-type]
    return run_stream(NeuralCache(stream.embedding.shape[1], settings), stream)


def test_what_happens_query_by_query() -> None:
    """Two calls at first, of left (wrong: it was right) and right; then the student says left (true), and right, which
    is neither true nor what the large model says; the third is forced. Qualities 0, 1, 1, 0, 1, the mean 3/5."""
    stream = stream_of(
        np.array([[-1.0], [1.0], [-1.0], [1.0], [1.0]]),
        answers=["left", "right", "left", "left", "right"],
        truth=["right", "right", "left", "left", "right"],
    )
    happened = ran(stream, budget=3, n_init=2, h=0.0, explore=0.0)
    assert happened.reason == ("first", "first", "sure", "sure", "forced")
    assert happened.by == ("large model", "large model", "student", "student", "large model")
    assert happened.answer == ("left", "right", "left", "right", "right")
    assert happened.guess == (None, None, "left", "right", "right")
    assert happened.quality.tolist() == [0, 1, 1, 0, 1]
    assert happened.agreement.tolist() == [1, 1, 1, 0, 1]
    np.testing.assert_array_equal(happened.agreed, [np.nan, np.nan, 1, 0, 1])
    np.testing.assert_allclose(happened.accuracy_curve, [0, 1 / 2, 2 / 3, 1 / 2, 3 / 5])
    assert happened.calls_curve.tolist() == [1, 2, 2, 2, 3]
    assert happened.cost_curve.tolist() == [1, 2, 2, 2, 3]
    assert (happened.accuracy, happened.agreement_rate) == (0.6, 0.8)
    assert (happened.calls, happened.total_cost_usd) == (3, 3)
    assert happened.observed_student_accuracy == 0.5
    assert happened.student_accuracy.everywhere.value == 1.0


def test_nobody_answering_is_not_right() -> None:
    happened = ran(clusters(3, 0), budget=0)
    assert happened.by == ("nobody",) * 3
    assert (happened.accuracy, happened.agreement_rate) == (0.0, 0.0)
    assert np.isnan(happened.observed_student_accuracy)


def test_a_call_without_a_canonical_answer_is_charged_judged_and_no_agreement() -> None:
    stream = replace(clusters(3, 0), lessons=(None,) * 3, quality=np.array([1.0, 0.5, np.nan]))
    happened = ran(stream)
    assert (happened.calls, happened.answer) == (3, (None,) * 3)
    assert happened.accuracy == 0.75
    assert np.isnan(happened.agreement_rate)


def test_an_unknown_cost_is_not_nothing() -> None:
    stream = replace(clusters(3, 0), cost_usd=np.array([1.0, np.nan, 1.0]))
    assert np.isnan(ran(stream).total_cost_usd)


def test_what_the_student_says_is_unknown_where_nobody_knows_the_truth() -> None:
    """Without a truth, the large model's answer is as good as it was judged, any other is unknown."""
    stream = replace(stream_of(np.eye(1), ["left"]), truth=(None,), quality=np.array([0.75]))
    assert stream.quality_of(0, "left") == 0.75
    assert np.isnan(stream.quality_of(0, "right"))
    assert stream.quality_of(0, None) == 0.0


@pytest.mark.parametrize("rule", RULES)
def test_answers_that_were_not_called_change_nothing(rule: str) -> None:
    """Poisoned lessons, qualities and costs wherever no call was made: the same decisions, answers and costs."""
    stream = clusters(120, 3)
    happened = ran(stream, budget=50, rule=rule, n_init=10, retrain_every=10)
    called = happened.called
    poison = Lesson("poison", {"poison": 1.0})
    poisoned = replace(
        stream,
        lessons=tuple(one if call else poison for one, call in zip(stream.lessons, called, strict=True)),
        quality=np.where(called, stream.quality, np.nan),
        cost_usd=np.where(called, stream.cost_usd, np.nan),
    )
    again = ran(poisoned, budget=50, rule=rule, n_init=10, retrain_every=10)
    assert 0 < called.sum() < len(stream)
    assert (again.reason, again.answer, again.guess) == (happened.reason, happened.answer, happened.guess)
    np.testing.assert_array_equal(again.quality, happened.quality)
    np.testing.assert_array_equal(again.propensity, happened.propensity)
    assert again.total_cost_usd == happened.total_cost_usd
    assert again.student_accuracy == happened.student_accuracy


def test_margin_calls_what_is_new_and_random_calls_loses_an_eighth() -> None:
    """Half the queries are easy, half new; 40 at first, then 400, of which h = 2 calls by margin and 1/2 by lot.

    The student's logits differ by more than 2 on easy queries, and on new ones by its biases alone. So margin calls the
    new ones and all answers are right. By lot, an answer is wrong if its query is new, is not called, and the coin of
    its class falls the other way: (1/2)^3 = 1/8, of deviation sqrt(7 / 64 / 400) = 0.0165 in the mean.
    """
    stream, new = easy_and_new(QUERIES, seed=0)
    margin = ran(stream, h=2.0, explore=0.0, length=None)
    lots = ran(stream, rule="random", h=0.5, explore=0.0, length=None)
    later = slice(FIRST, None)
    np.testing.assert_array_equal(margin.called[later], new[later])
    assert margin.accuracy == 1.0
    assert lots.quality[later].mean() == pytest.approx(7 / 8, abs=4 * 0.0165)
    assert margin.quality[later].mean() - lots.quality[later].mean() > 4 * 0.0165


@pytest.mark.parametrize("rule", ["margin", "entropy", "coreset"])
def test_the_running_quantile_beats_random_calls_at_the_same_budget(rule: str) -> None:
    """As above, with the threshold set by the budget of both: 40 calls at first, and as many as half of the rest."""
    stream, _ = easy_and_new(QUERIES, seed=1)
    best, lots = (ran(stream, rule=name, budget=240, explore=0.0) for name in (rule, "random"))
    gain = best.quality - lots.quality
    assert best.calls == lots.calls == 240
    assert gain.mean() > 4 * gain.std() / np.sqrt(QUERIES)


def test_the_weighted_accuracy_is_that_of_the_student_where_it_answers() -> None:
    """From calls alone, within four standard errors of what the recording tells, where the plain mean is not."""
    stream = clusters(1500, 5)
    happened = ran(stream, budget=600, explore=0.15, retrain_every=50)
    told = happened.student_accuracy.where_it_answers
    assert abs(told.value - happened.observed_student_accuracy) < 4 * told.error
    assert np.isnan(ran(stream.take(range(300)), budget=100, explore=0.0).student_accuracy.where_it_answers.value)
    plain = np.nanmean(happened.agreed[happened.called])
    assert plain < happened.observed_student_accuracy - 4 * told.error
