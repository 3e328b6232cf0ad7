"""E[max] over fixed draws, and the search for the best set."""

from itertools import combinations
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.routers.deferral.state import Floats
from anabranch.routers.deferral.supermodel import (
    Ints,
    Sets,
    expected_max,
    movement,
    normal_draws,
    prefixes,
    supersets,
)

NONE = np.array([], np.int64)


def clark(mean: Floats, covariance: Floats) -> float:
    """E[max] of two Gaussians in closed form."""
    theta = sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    a = (mean[0] - mean[1]) / theta
    above = (1 + erf(a / sqrt(2))) / 2
    return float(mean[0] * above + mean[1] * (1 - above) + theta * exp(-a * a / 2) / sqrt(2 * pi))


def gaussian(seed: int, models: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 0.15, (models, models))
    return rng.random(models), root @ root.T


def problem(seed: int, models: int, had: int) -> tuple[Floats, Floats, Ints, Ints, float]:
    """Draws, costs, those that answered, the others, and a price."""
    rng = np.random.default_rng(seed)
    mean, covariance = gaussian(seed, models)
    looks = mean[:, None] + movement(covariance, normal_draws(models))
    order = rng.permutation(models)
    return (
        looks,
        rng.uniform(0.01, 1, models),
        np.sort(order[:had]),
        np.sort(order[had:]),
        float(rng.choice([0, 0.05, 0.3])),
    )


def test_spread_is_a_standard_deviation_not_a_variance() -> None:
    """Two models of mean 0 and variance 0.04: E[max] = 0.2 / sqrt(pi) = 0.1128; were 0.04 the deviation, 0.0226."""
    assert expected_max(np.zeros(2), 0.04 * np.eye(2)) == pytest.approx(0.2 / sqrt(pi), abs=0.002)


def test_two_models_of_the_sheet() -> None:
    """Clark for means .5, .6, variances .04, .09, covariance .01: theta^2 = .11, a = -.3015, E[max] = .68828."""
    mean, covariance = np.array([0.5, 0.6]), np.array([[0.04, 0.01], [0.01, 0.09]])
    assert clark(mean, covariance) == pytest.approx(0.68828, abs=1e-5)
    assert expected_max(mean, covariance) == pytest.approx(0.68828, abs=0.004)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_two_models_are_as_clark_has_them(seed: int) -> None:
    """Mean and variance of the difference are exact over the draws; what is left is its kink, a few percent of it."""
    mean, covariance = gaussian(seed, 2)
    theta = sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert expected_max(mean, covariance) == pytest.approx(clark(mean, covariance), abs=0.03 * theta + 1e-6)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), models=st.integers(1, 8))
def test_the_best_of_several_is_at_least_the_best_alone_and_grows_with_models(seed: int, models: int) -> None:
    mean, covariance = gaussian(seed, models)
    looks = mean[:, None] + movement(covariance, normal_draws(models))
    grown = prefixes(looks, np.ones(models), NONE, np.arange(models), models).worth
    assert (np.diff(grown) >= 0).all()
    assert grown[-1] >= mean.max() - 1e-9
    assert expected_max(mean, 0 * covariance) == pytest.approx(mean.max(), abs=1e-5)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), models=st.integers(1, 9), had=st.integers(0, 3), depth=st.integers(1, 6))
def test_without_pruning_all_sets_are_there(seed: int, models: int, had: int, depth: int) -> None:
    had = min(had, models)
    looks, cost, have, rest, _ = problem(seed, models, had)
    expected = {}
    for more in range(0 if had else 1, max(depth - had, 0) + 1):
        for new in combinations(rest.tolist(), more):
            members = have.tolist() + list(new)
            expected[sum(1 << m for m in members)] = (looks[members].max(axis=0).mean(), cost[list(new)].sum())
    found = supersets(looks, cost, have, rest, depth, prune=False)
    assert sorted(found.members.tolist()) == sorted(expected)
    for members, worth, usd in zip(*found, strict=True):
        assert (worth, usd) == pytest.approx(expected[int(members)])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    models=st.integers(5, 11),
    had=st.integers(0, 3),
    depth=st.integers(1, 6),
    dear=st.booleans(),
)
def test_pruning_changes_no_decision(seed: int, models: int, had: int, depth: int, dear: bool) -> None:
    looks, cost, have, rest, price = problem(seed, models, min(had, models))
    some, every = (supersets(looks, cost, have, rest, depth, price, prune=prune) for prune in (True, False))
    assert some.members[some.best(price, dear=dear)] == every.members[every.best(price, dear=dear)]
    assert set(some.members.tolist()) <= set(every.members.tolist())


def test_pruning_spares_most_sets() -> None:
    """Of twelve models that are alike and dear, no pair pays: only single models and pairs are looked at, 12 + 66."""
    looks = 0.5 + movement(0.01 * np.eye(12), normal_draws(12))
    found = supersets(looks, np.ones(12), NONE, np.arange(12), 12, price=0.5)
    assert len(found.members) == 12 + 66


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), models=st.integers(3, 11), had=st.integers(0, 3))
def test_the_order_of_models_does_not_matter(seed: int, models: int, had: int) -> None:
    looks, cost, have, rest, price = problem(seed, models, min(had, models))
    order = np.random.default_rng(seed + 1).permutation(models)
    place = order.argsort()
    one = supersets(looks, cost, have, rest, 4, price)
    other = supersets(looks[order], cost[order], np.sort(place[have]), np.sort(place[rest]), 4, price)
    chosen = int(one.members[one.best(price)])
    turned = int(other.members[other.best(price)])
    assert {m for m in range(models) if chosen >> m & 1} == {int(order[m]) for m in range(models) if turned >> m & 1}


def test_a_worse_search_would_be_noticed() -> None:
    """Ten models that are alike: at a price that eats half of what the second adds, two or more are best, not one."""
    looks = 0.5 + movement(0.01 * np.eye(10), normal_draws(10))
    second = looks[:2].max(axis=0).mean() - 0.5
    found = supersets(looks, np.ones(10), NONE, np.arange(10), 5, price=second / 2)
    assert int(found.members[found.best(second / 2)]).bit_count() >= 2


def test_of_equals_the_cheapest_or_the_dearest() -> None:
    """At the price 0.2, 0.5 - 0.2 = 0.7 - 0.4 = 0.9 - 0.6 = 0.3; the fourth is worse."""
    sets = Sets(np.array([1, 2, 4, 8]), np.array([0.5, 0.7, 0.9, 0.6]), np.array([1.0, 2.0, 3.0, 3.0]))
    assert (sets.best(0.2), sets.best(0.2, dear=True)) == (0, 2)


def test_draws_are_the_same_every_time_and_others_with_another_seed() -> None:
    normal_draws.cache_clear()
    first = normal_draws(4).copy()
    normal_draws.cache_clear()
    assert (normal_draws(4) == first).all()
    assert not np.allclose(normal_draws(4, seed=1), first)


def test_more_models_than_half_the_draws() -> None:
    draws = normal_draws(6, count=8)
    assert draws.shape == (6, 8)
    assert np.allclose(draws.mean(axis=1), 0)
