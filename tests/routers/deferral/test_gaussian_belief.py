"""What signals tell of qualities, in closed form."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.state import Floats


def belief_of(
    centre: Floats, slope: Floats, covariance: Floats, signals: tuple[str, ...] = ("sure",)
) -> GaussianBelief:
    """With estimates that are 0.5 on average."""
    return GaussianBelief(
        signals,
        (0.5,) * slope.shape[1],
        tuple(centre.tolist()),
        tuple(map(tuple, slope.tolist())),
        tuple(map(tuple, covariance.tolist())),
    )


def anything(seed: int, models: int, kinds: int = 1) -> GaussianBelief:
    rng = np.random.default_rng(seed)
    width = models * (1 + kinds)
    root = rng.normal(0, 0.3, (width, width))
    names = tuple(f"s{kind}" for kind in range(kinds))
    return belief_of(rng.random(width), rng.normal(0, 1, (width, models)), root @ root.T, names)


ONE = belief_of(np.array([0.6, 1.0]), np.array([[0.5], [2.0]]), np.array([[0.05, 0.1], [0.1, 0.25]]))


def test_one_model_by_hand() -> None:
    """The estimate 0.7 is 0.2 above usual: quality 0.6 + 0.5 * 0.2 = 0.7, signal 1 + 2 * 0.2 = 1.4.

    The signal 1.65 is 0.25 above that; quality follows by 0.1 / 0.25 = 0.4 of it, to 0.8. Before the call, the mean is
    to move with variance 0.4^2 * 0.25 = 0.04 = 0.1^2 / 0.25; after it no more.
    """
    before, known = ONE.after(np.array([0.7]), {})
    assert before == pytest.approx([0.7])
    assert known.covariance == pytest.approx(0.04)
    after, known = ONE.after(np.array([0.7]), {0: {"sure": 1.65}})
    assert after == pytest.approx([0.8])
    assert known.covariance.tolist() == [[0.0]]
    assert np.abs(known.moves).max() < 1e-5


@pytest.mark.parametrize("signals", [{}, {"sure": float("nan")}, {"sure": float("inf")}, {"other": 3.0}])
def test_a_signal_that_is_not_known_says_nothing(signals: dict[str, float]) -> None:
    """The mean stays 0.7, and it will not move any more: the model was called."""
    mean, known = ONE.after(np.array([0.7]), {0: signals})
    assert mean == pytest.approx([0.7])
    assert known.covariance.tolist() == [[0.0]]


def test_an_estimate_that_is_not_known_is_the_usual_one() -> None:
    assert ONE.after(np.array([np.nan]), {})[0] == pytest.approx([0.6])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), models=st.integers(1, 5), kinds=st.integers(0, 2), data=st.data())
def test_it_is_the_conditional_gaussian(seed: int, models: int, kinds: int, data: st.DataObject) -> None:
    """Means are those of conditioning on all signals seen; a model will move by what its own signals explain.

    The variance of the move is then the conditional variance before the call less that after it.
    """
    belief = anything(seed, models, kinds)
    called = sorted(data.draw(st.sets(st.integers(0, models - 1))))
    rng = np.random.default_rng(seed)
    joint = np.array(belief.covariance)
    places = {model: range(models + model * kinds, models + (model + 1) * kinds) for model in range(models)}
    seen = [place for model in called for place in places[model]]
    signals = {model: {f"s{kind}": float(rng.normal()) for kind in range(kinds)} for model in called}
    estimates = rng.random(models)
    expected = np.array(belief.centre) + np.array(belief.slope) @ (estimates - 0.5)
    values = np.array([value for model in called for value in signals[model].values()])
    mean, known = belief.after(estimates, signals)
    follow = np.linalg.solve(joint[np.ix_(seen, seen)], joint[seen]).T
    assert mean == pytest.approx((expected + follow @ (values - expected[seen]))[:models], rel=1e-4, abs=1e-4)
    left = joint - follow @ joint[seen]
    for model in set(range(models)) - set(called):
        own = list(places[model])
        gone = left[model, own] @ np.linalg.solve(left[np.ix_(own, own)], left[own, model])
        assert known.covariance[model, model] == pytest.approx(gone, rel=1e-4, abs=1e-6)
    assert np.linalg.eigvalsh(known.covariance).min() > -1e-9
    assert np.abs(known.covariance[called]).sum() == 0


def test_what_is_kept_does_not_grow_without_bound_and_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anabranch.routers.deferral.gaussian_belief.MOST_CACHED", 2)
    belief = anything(3, 3)
    first = belief.after(np.full(3, 0.5), {0: {"s0": 1.0}})[0]
    for model in range(3):
        belief.after(np.full(3, 0.5), {model: {"s0": 1.0}})
    assert len(belief._known) <= 2
    assert belief.after(np.full(3, 0.5), {0: {"s0": 1.0}})[0].tolist() == first.tolist()


def test_a_signal_that_never_varies_does_no_harm() -> None:
    flat = belief_of(np.array([0.5, 1.0]), np.zeros((2, 1)), np.array([[0.04, 0.0], [0.0, 0.0]]))
    mean, known = flat.after(np.array([0.5]), {0: {"sure": 1.0}})
    assert (mean.tolist(), known.covariance.tolist()) == ([0.5], [[0.0]])


def test_equal_beliefs_are_equal() -> None:
    assert anything(1, 2) == anything(1, 2)
    assert hash(anything(1, 2)) == hash(anything(1, 2))
    assert anything(1, 2) != anything(2, 2)
