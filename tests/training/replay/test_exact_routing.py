"""Exact routing against the linear program that it solves."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from anabranch.data.outcomes import Floats
from anabranch.training.replay.exact_routing import exact_routing


def world(seed: int, *, coarse: bool) -> tuple[Floats, Floats]:
    """Qualities and costs of up to 12 prompts and 5 models; coarse ones have many ties."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 13)), int(rng.integers(1, 6)))
    if coarse:
        return rng.integers(0, 4, shape) / 3, rng.integers(1, 4, shape).astype(np.float64)
    return rng.random(shape), 10.0 ** rng.uniform(-5, 0, shape)


def optimum(quality: Floats, cost: Floats, budget: float) -> float:
    n, m = quality.shape
    found = linprog(
        -quality.ravel() / n,
        A_ub=cost.ravel()[None] / n,
        b_ub=[budget],
        A_eq=np.kron(np.eye(n), np.ones(m)),
        b_eq=np.ones(n),
        bounds=(0, 1),
    )
    return -float(found.fun)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), coarse=st.booleans(), share=st.floats(0, 1.2))
def test_it_is_the_optimum_of_the_linear_program(seed: int, coarse: bool, share: float) -> None:
    quality, cost = world(seed, coarse=coarse)
    least, most = cost.min(axis=1).mean(), cost.max(axis=1).mean()
    budget = float(least + share * (most - least))
    found = exact_routing(quality, cost, budget)
    assert found.quality == pytest.approx(optimum(quality, cost, budget), abs=1e-8)
    assert found.cost_usd <= budget + 1e-9
    assert 0 <= found.gamma <= 1
    if found.lam > 0:
        assert found.cost_usd == pytest.approx(budget)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), coarse=st.booleans())
def test_what_it_expects_is_what_its_choices_come_to(seed: int, coarse: bool) -> None:
    """With every draw below gamma all ties are dear, with none they are cheap; gamma weighs the two."""
    quality, cost = world(seed, coarse=coarse)
    found = exact_routing(quality, cost, float(cost.mean(axis=0).mean() + cost.min(axis=1).mean()) / 2)
    rows = np.arange(len(quality))
    cheap, dear = (found.choose(quality, cost, np.full(len(rows), u)) for u in (1.0, -1.0))
    weights = ((cheap, 1 - found.gamma), (dear, found.gamma))
    assert sum(w * quality[rows, arm].mean() for arm, w in weights) == pytest.approx(found.quality)
    assert sum(w * cost[rows, arm].mean() for arm, w in weights) == pytest.approx(found.cost_usd)


def test_at_either_end_it_is_the_cheapest_and_the_best() -> None:
    """The best models 1 and 0 cost (3 + 1) / 2 = 2; the cheapest cost 1; money beyond 2 buys nothing and stays.

    At the budget 1.5, half of the one upgrade, of slope (0.9 - 0.5) / 2 = 0.2, is paid.
    """
    quality, cost = np.array([[0.5, 0.9], [0.7, 0.6]]), np.array([[1.0, 3.0], [1.0, 3.0]])
    rich, poor, middle = (exact_routing(quality, cost, budget) for budget in (9.0, 1.0, 1.5))
    assert (rich.lam, rich.gamma, rich.cost_usd) == (0.0, 0.0, 2.0)
    assert rich.choose(quality, cost, [0.0, 0.0]).tolist() == [1, 0]
    assert poor.choose(quality, cost, [0.0, 0.0]).tolist() == [0, 0]
    assert (middle.lam, middle.gamma) == pytest.approx((0.2, 0.5))


def test_equal_qualities_at_price_zero_go_to_the_cheaper() -> None:
    """Two equal models: the money for the dear one is there, but it buys nothing."""
    found = exact_routing([[0.5, 0.5]], [[1.0, 2.0]], budget_usd=2.0)
    assert found.choose([[0.5, 0.5]], [[1.0, 2.0]], [0.0]).tolist() == [0]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_cost_falls_as_the_price_rises(seed: int) -> None:
    quality, cost = world(seed, coarse=False)
    budgets = np.linspace(cost.min(axis=1).mean(), cost.max(axis=1).mean(), 6)
    found = [exact_routing(quality, cost, float(budget)) for budget in budgets]
    assert all(a.lam >= b.lam and a.cost_usd <= b.cost_usd + 1e-12 for a, b in pairwise(found))


def test_what_cannot_be_paid_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"budget of 0.9 a prompt is infeasible: the cheapest models cost 1.0"):
        exact_routing([[0.5, 0.9]], [[1.0, 3.0]], budget_usd=0.9)


def test_what_is_not_known_is_an_error() -> None:
    with pytest.raises(ValueError, match="not known"):
        exact_routing([[0.5, np.nan]], [[1.0, 3.0]], budget_usd=2.0)
    with pytest.raises(ValueError, match="prompts x models"):
        exact_routing([[0.5, 0.5]], [[1.0]], budget_usd=2.0)
