import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.training.streams.lesson import Lesson
from anabranch.training.streams.neural_caching import Decision, NeuralCache
from anabranch.training.streams.registry import RULES
from anabranch.training.streams.settings import CacheSettings

LEFT, RIGHT = [-1.0, 0.0], [1.0, 0.0]


def taught(cache: NeuralCache, *texts: list[float]) -> list[Decision]:
    """Settle these queries; the large model says on which side of 0 they are."""
    made = []
    for text in texts:
        decision = cache.decide(text)
        side = "left" if text[0] < 0 else "right"
        cache.settle(text, decision, Lesson(side, {side: 1.0}) if decision.call else None)
        made.append(decision)
    return made


def small(**given: float | str | None) -> CacheSettings:
    """Few queries: two at first, a training every two lessons, no exploring, h of 1."""
    return CacheSettings(
        **{"budget": 10, "h": 1.0, "n_init": 2, "retrain_every": 2, "explore": 0.0, **given}  # type: ignore[arg-type]
    )


def test_the_first_queries_are_called_then_the_student_answers_what_it_knows() -> None:
    decisions = taught(NeuralCache(2, small()), LEFT, RIGHT, LEFT, [0.0, 1.0])
    assert [one.reason for one in decisions] == ["first", "first", "sure", "unsure"]
    assert [one.answer for one in decisions[:3]] == [None, None, "left"]
    assert [one.propensity for one in decisions] == [1.0, 1.0, 0.0, 1.0]


def test_a_budget_that_lasts_for_all_that_is_left_is_spent() -> None:
    """Five queries, budget 4: after two calls and one sure answer, two calls are left for two queries."""
    decisions = taught(NeuralCache(2, small(budget=4, length=5)), LEFT, RIGHT, LEFT, LEFT, LEFT)
    assert [one.reason for one in decisions] == ["first", "first", "sure", "forced", "forced"]


def test_when_the_budget_is_spent_the_student_answers_all() -> None:
    decisions = taught(NeuralCache(2, small(budget=3, h=1e9)), LEFT, RIGHT, LEFT, LEFT)
    assert [one.reason for one in decisions] == ["first", "first", "unsure", "spent"]
    assert decisions[-1].answer == "left"
    assert decisions[-1].propensity == 0.0


def test_without_any_budget_nobody_answers() -> None:
    (decision,) = taught(NeuralCache(2, small(budget=0)), LEFT)
    assert (decision.call, decision.answer) == (False, None)


def test_a_stream_longer_than_told_is_called_while_the_budget_lasts() -> None:
    reasons = [one.reason for one in taught(NeuralCache(2, small(budget=5, length=3)), *[LEFT, RIGHT] * 3)]
    assert reasons == ["first", "first", "forced", "forced", "forced", "spent"]


def test_the_student_is_trained_after_the_first_queries_every_so_many_lessons_and_last_of_all() -> None:
    """n_init 1, every 2 lessons, budget 6: trained at lessons 1, 3, 5, and at 6, which is the last."""
    cache = NeuralCache(2, small(budget=6, n_init=1, h=1e9, committee=9))
    trained = []
    for text in [LEFT, RIGHT] * 4:
        taught(cache, text)
        trained.append(len(cache.checkpoints))
    assert trained == [1, 1, 2, 2, 3, 4, 4, 4]


def test_as_many_students_are_kept_as_the_committee_has() -> None:
    cache = NeuralCache(2, small(budget=9, n_init=1, retrain_every=1, h=1e9, committee=3))
    taught(cache, *[LEFT, RIGHT] * 4)
    assert len(cache.checkpoints) == 3


def test_a_new_answer_opens_a_class() -> None:
    cache = NeuralCache(2, small())
    taught(cache, LEFT, RIGHT)
    assert cache.checkpoints[-1].bias.shape == (2,)
    for _ in range(2):
        cache.settle([0.0, 1.0], cache.decide([0.0, 1.0]), Lesson("up", {"up": 1.0}))
    assert cache.answers == ["left", "right", "up"]
    assert cache.decide([0.0, 5.0]).answer == "up"


def test_targets_are_normalised_and_answers_of_no_weight_open_no_class() -> None:
    cache = NeuralCache(2, small())
    cache.settle(LEFT, cache.decide(LEFT), Lesson("left", {"left": 3.0, "right": 1.0, "never": 0.0}))
    assert cache.answers == ["left", "right"]
    assert cache.stored.targets(2).tolist() == [[0.75, 0.25]]


def test_a_call_that_failed_counts_and_teaches_nothing() -> None:
    cache = NeuralCache(2, small(budget=1))
    cache.settle(LEFT, cache.decide(LEFT))
    assert (cache.calls, len(cache.stored), cache.checkpoints) == (1, 0, [])
    assert cache.decide(LEFT).reason == "spent"


def test_without_a_student_the_large_model_is_called() -> None:
    cache = NeuralCache(2, small(n_init=0, rule="random", h=0.0))
    assert cache.decide(LEFT).reason == "unknown"


def test_deciding_changes_nothing() -> None:
    cache = NeuralCache(2, small())
    taught(cache, LEFT, RIGHT)
    assert len({cache.decide([0.3, 0.4]) for _ in range(3)}) == 1
    assert cache.seen == 2


def test_the_length_of_an_embedding_says_nothing_and_a_zero_is_a_query_too() -> None:
    cache = NeuralCache(2, small())
    taught(cache, LEFT, RIGHT)
    assert cache.decide([0.3, 0.4]).value == pytest.approx(cache.decide([30.0, 40.0]).value)
    assert np.isfinite(cache.decide([0.0, 0.0]).value)


def test_a_query_that_was_overtaken_is_refused() -> None:
    cache = NeuralCache(2, small())
    early = cache.decide(RIGHT)
    taught(cache, LEFT)
    with pytest.raises(ValueError, match="made after 0 queries, and 1 are settled"):
        cache.settle(RIGHT, early, Lesson("right", {"right": 1.0}))
    assert cache.calls == 1


def test_an_answer_that_was_not_called_is_refused() -> None:
    cache = NeuralCache(2, small(budget=0))
    with pytest.raises(ValueError, match="'left' is given for a query that was not called"):
        cache.settle(LEFT, cache.decide(LEFT), Lesson("left", {"left": 1.0}))
    assert cache.seen == 0


@pytest.mark.parametrize("target", [{}, {"left": 0.0}, {"left": -1.0, "right": 2.0}, {"left": np.nan}])
def test_targets_that_are_no_weights_are_refused(target: dict[str, float]) -> None:
    cache = NeuralCache(2, small())
    with pytest.raises(ValueError, match="must be weights of at least 0"):
        cache.settle(LEFT, cache.decide(LEFT), Lesson("left", target))
    assert (cache.seen, cache.answers) == (0, [])


@pytest.mark.parametrize("text", [[1.0], [np.nan, 0.0], [[1.0, 0.0]]])
def test_embeddings_that_are_none_are_refused(text: list[float]) -> None:
    with pytest.raises(ValueError, match="must be finite and of shape"):
        NeuralCache(2, small()).decide(text)


def test_exploring_is_by_lot_and_its_chance_is_told() -> None:
    """300 sure queries at a chance of 0.2: 60 calls expected, of deviation sqrt(300 * 0.16) = 6.9; within 4 of them."""
    cache = NeuralCache(2, small(budget=1000, h=0.0, explore=0.2))
    taught(cache, LEFT, RIGHT)
    decisions = taught(cache, *[LEFT] * 300)
    assert {one.propensity for one in decisions} == {0.2}
    assert {one.reason for one in decisions} == {"sure", "explored"}
    assert abs(sum(one.call for one in decisions) - 60) < 28


def test_another_seed_explores_others() -> None:
    def explored(seed: int) -> list[bool]:
        cache = NeuralCache(2, small(budget=1000, h=0.0, explore=0.2, seed=seed))
        return [one.call for one in taught(cache, *[LEFT, RIGHT] * 30)]

    assert explored(0) == explored(0)
    assert explored(0) != explored(1)


def sideways(rng: np.random.Generator, count: int) -> list[list[float]]:
    return [[float(one), float(two)] for one, two in rng.normal(size=(count, 2))]


@settings(max_examples=40, deadline=None)
@given(
    budget=st.integers(0, 30),
    length=st.integers(1, 25),
    extra=st.integers(-5, 5),
    rule=st.sampled_from(sorted(RULES)),
    h=st.sampled_from([None, -1.0, 0.3, 2.0]),
    n_init=st.integers(0, 6),
    retrain_every=st.integers(1, 8),
    explore=st.sampled_from([0.0, 0.05, 0.5]),
    seed=st.integers(0, 3),
)
def test_the_budget_is_never_exceeded_and_spent_where_the_length_is_true(
    budget: int,
    length: int,
    extra: int,
    rule: str,
    h: float | None,
    n_init: int,
    retrain_every: int,
    explore: float,
    seed: int,
) -> None:
    """Whatever is set; at the told length the calls that are left force theirs, so min(budget, length) are made."""
    given = CacheSettings(
        budget, length, rule, h, n_init=n_init, retrain_every=retrain_every, explore=explore, seed=seed
    )
    cache = NeuralCache(2, given)
    decisions = taught(cache, *sideways(np.random.default_rng(seed), max(1, length + extra)))
    assert cache.calls == sum(one.call for one in decisions) <= budget
    assert all(0 < one.propensity <= 1 if one.call else 0 <= one.propensity < 1 for one in decisions)
    if extra == 0:
        assert cache.calls == min(budget, length)


@pytest.mark.parametrize("rule", ["margin", "committee", "random"])
def test_propensities_are_the_chances_of_calls(rule: str) -> None:
    """Calls less their chances are a martingale: the sum is 0 expected, of variance sum p (1 - p); within 4 deviations.

    The budget is not spent before the end: among the first 500 of 600 queries, 1/4 of which may be called.
    """
    cache = NeuralCache(2, CacheSettings(150, 600, rule, n_init=20, retrain_every=20, explore=0.05))
    decisions = taught(cache, *sideways(np.random.default_rng(1), 500))
    called, chance = (np.array([float(getattr(one, name)) for one in decisions]) for name in ("call", "propensity"))
    assert (called - chance)[chance < 1].any()
    assert abs((called - chance).sum()) < 4 * np.sqrt((chance * (1 - chance)).sum())


@pytest.mark.parametrize("rule", ["margin", "entropy", "committee", "coreset", "random"])
def test_the_running_quantile_makes_the_budget_last(rule: str) -> None:
    """Of 400 queries 100 may be called, 20 at once. At an even pace (100 - 20) / 380 * 180 = 38 more have been called
    after 200; by lot the deviation is below sqrt(180 * 0.21 * 0.79) = 5.5. Two-sided, 5 of them."""
    cache = NeuralCache(2, CacheSettings(100, 400, rule, n_init=20, retrain_every=20))
    taught(cache, *sideways(np.random.default_rng(2), 200))
    assert abs(cache.calls - 58) < 28
