import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.state import Action, Answer, Call, Candidate, State
from anabranch.training.replay.executor import replay

Keys = list[str | int | None]


def after(keys: Keys, strong: Keys | None = None, weak: tuple[int, ...] = (0,)) -> State:
    """Weak samples dealt to the weak models in equal parts, then those of the strong model 2."""
    each = len(keys) // len(weak)
    said = [Candidate(weak[place // each], place % each, key) for place, key in enumerate(keys)]
    said += [Candidate(2, place, key) for place, key in enumerate(strong or [])]
    return State(tuple(said), np.ones(3), np.ones(3), u=0.0)


def decided(keys: Keys, tau: float) -> Action:
    return Consistency((0, 2), samples=len(keys), tau=tau).decide(after(keys))


def test_the_share_is_of_all_samples_and_reaching_tau_is_enough() -> None:
    """Three of five say b: 0.6 is kept at 0.6 and not at 0.61; what cannot be read is among the five."""
    keys: Keys = ["b", None, "b", "a", "b"]
    assert decided(keys, 0.6) == Answer(0, "agree")
    assert decided(keys, 0.61) == Call((2,), "disagree")


def test_a_single_sample_always_agrees_with_itself() -> None:
    assert decided(["a"], 1.0) == Answer(0, "agree")


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0])
def test_where_nothing_can_be_read_the_strong_model_is_called(tau: float) -> None:
    assert decided([None, None], tau) == Call((2,), "disagree")
    policy = Consistency((0, 1, 2), samples=1, tau=tau, form="verify")
    assert policy.decide(after([None, None], weak=(0, 1))) == Call((2,), "disagree")


def test_verifying_compares_what_each_setting_says_most_often() -> None:
    """a a b against a c a agree on a; against c c a they do not, though a leads among all six; None is no answer."""
    policy = Consistency((0, 1, 2), samples=3, form="verify")
    assert policy.decide(State((), np.ones(3), np.ones(3), u=0.0)) == Call((0, 0, 0, 1, 1, 1), "first")
    assert policy.decide(after(["a", "a", "b", "a", "c", "a"], weak=(0, 1))) == Answer(0, "agree")
    assert policy.decide(after(["a", "a", "b", "c", "c", "a"], weak=(0, 1))) == Call((2,), "disagree")
    assert policy.decide(after(["a", "a", "b", None, None, None], weak=(0, 1))) == Call((2,), "disagree")


def test_the_strong_samples_vote_and_a_weak_answer_is_better_than_none() -> None:
    policy = Consistency((0, 2), samples=2, strong_samples=3)
    assert policy.decide(after(["a", "b"])) == Call((2, 2, 2), "disagree")
    assert policy.decide(after(["a", "b"], ["c", "d", "d"])) == Answer(3, "strong")
    failed = tuple(Candidate(2, place, failed=True) for place in range(3))
    assert policy.decide(after(["a", "a"]).after(list(failed))) == Answer(0, "strong")


@given(st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=7), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_a_higher_tau_never_keeps_more(keys: Keys, one: float, other: float) -> None:
    if isinstance(decided(keys, max(one, other)), Answer):
        assert isinstance(decided(keys, min(one, other)), Answer)


def test_both_extremes_cost_what_was_called() -> None:
    """Always kept: k weak samples. Never kept: k weak samples and one strong, not the strong one alone."""
    rng, shape = np.random.default_rng(0), (30, 3, 4)
    table = ReplayTable.from_arrays(
        ["a", "b", "c"], rng.uniform(size=shape), cost_usd=rng.uniform(1, 2, shape), key=rng.integers(0, 3, shape)
    )
    weak = table.cost_usd[:, 0].sum(axis=1)
    kept, deferred = (replay(Consistency((0, 2), samples=4, tau=tau), table) for tau in (0.0, 1.1))
    np.testing.assert_allclose(kept.cost_usd, weak)
    assert (kept.model == 0).all() and (deferred.model == 2).all()
    assert np.isclose((deferred.cost_usd - weak)[:, None], table.cost_usd[:, 2]).any(axis=1).all()


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="one or two weak ones and a strong one"):
        Consistency((0,))
    with pytest.raises(ValueError, match="all different"):
        Consistency((0, 0))
    with pytest.raises(ValueError, match="to verify is to compare two"):
        Consistency((0, 1), form="verify")
    with pytest.raises(ValueError, match="at least 1 of each"):
        Consistency((0, 1), samples=0)
