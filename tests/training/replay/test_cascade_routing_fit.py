"""The price curve against replay, the budget, dominance, and the world in which the three differ."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.training.replay.cascade_routing_fit import (
    FittedCascadeRouting,
    PriceCurve,
    best_at_budget,
    fit_belief,
    fit_cascade_routing,
    meet_all,
    price_curve,
)
from anabranch.training.replay.executor import replay

ROUTING: dict[str, Any] = {"max_depth": 1}
CASCADING: dict[str, Any] = {"forced": True}
FREE: dict[str, Any] = {}


def world(seed: int, rows: int) -> tuple[ReplayTable, Floats]:
    """Three models that share a shock; estimates are noisy, what is seen after a call is less so."""
    rng = np.random.default_rng(seed)
    shocks = rng.normal(0, 0.15, (rows, 1)) + rng.normal(0, 0.2, (rows, 3))
    quality = np.clip(np.array([0.45, 0.6, 0.75]) + shocks, 0, 1)
    table = ReplayTable.from_arrays(
        ["small", "middle", "large"],
        quality,
        cost_usd=np.tile([0.1, 0.4, 1.0], (rows, 1)),
        signals={"sure": quality + rng.normal(0, 0.1, (rows, 3))},
    )
    return table, quality + rng.normal(0, 0.3, (rows, 3))


def anything(seed: int) -> tuple[ReplayTable, Floats]:
    """Few prompts, up to four models, two samples, costs that vary, signals that are missing, qualities with ties."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(4, 12)), int(rng.integers(1, 5)), 2)
    quality = rng.integers(0, 3, shape) / 2
    sure = np.where(rng.random(shape) < 0.2, np.nan, quality + rng.normal(0, 0.5, shape))
    cost = rng.uniform(0.01, 1, shape[1:2] + (1,)) * rng.uniform(0.5, 1.5, shape)
    names = [f"m{model}" for model in range(shape[1])]
    estimates = quality.mean(axis=2) + rng.normal(0, 0.4, shape[:2])
    estimates[rng.random(shape[:2]) < 0.1] = np.nan
    return ReplayTable.from_arrays(names, quality, cost_usd=cost, signals={"sure": sure}), estimates


def curves(table: ReplayTable, estimates: Floats) -> dict[str, PriceCurve]:
    met = meet_all(table, estimates)
    order = tuple(int(model) for model in met.cost_usd.mean(axis=0).argsort())
    free = CascadeRouting(order, fit_belief(met, order, ["sure"]), lam=0.0)
    kinds = {"routing": ROUTING, "cascading": CASCADING, "free": FREE}
    return {name: price_curve(replace(free, **kind), met) for name, kind in kinds.items()}


def reached(fitted: FittedCascadeRouting, table: ReplayTable, estimates: Floats) -> tuple[float, float]:
    """Mean quality and cost in replay: with all draws below gamma and with none, weighed."""
    shares = {0.0: 1 - fitted.policy.gamma, 1.0: fitted.policy.gamma}
    runs = {gamma: replay(replace(fitted.policy, gamma=gamma), table, quality=estimates) for gamma in shares}
    means = [
        (share * runs[gamma].quality.mean(), share * runs[gamma].cost_usd.mean()) for gamma, share in shares.items()
    ]
    return sum(quality for quality, _ in means), sum(cost for _, cost in means)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_curve_is_what_replay_comes_to_at_every_price(seed: int) -> None:
    table, estimates = anything(seed)
    for curve in curves(table, estimates).values():
        assert np.isinf(curve.price[0])
        assert (np.diff(curve.price) <= 0).all()
        wide = np.flatnonzero(curve.price[:-1] - curve.price[1:] > 1e-6 * curve.price[1:])
        for step in np.random.default_rng(seed).choice(wide, 3):
            above, below = curve.price[step : step + 2]
            lam = (above + below) / 2 if np.isfinite(above) else 2 * below + 1
            run = replay(replace(curve.policy, lam=float(lam)), table, quality=estimates)
            assert curve.quality[step] == pytest.approx(run.quality.mean(), abs=1e-9)
            assert curve.cost_usd[step] == pytest.approx(run.cost_usd.mean(), abs=1e-9)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0, 1.5))
def test_within_budget_never_worse_than_routing_or_cascading_and_as_replayed(seed: int, share: float) -> None:
    table, estimates = anything(seed)
    each = curves(table, estimates)
    least = min(float(curve.cost_usd.min()) for curve in each.values())
    most = max(float(curve.cost_usd.max()) for curve in each.values())
    budget = least + share * (most - least)
    fitted = fit_cascade_routing(table, estimates, ["sure"], budget)
    quality, cost = reached(fitted, table, estimates)
    assert (quality, cost) == pytest.approx((fitted.quality, fitted.cost_usd), abs=1e-9)
    assert cost <= budget + 1e-9
    for name in ("routing", "cascading"):
        if each[name].cost_usd.min() <= budget:
            assert fitted.quality >= best_at_budget([each[name]], budget).quality


def test_a_mix_spends_the_budget_by_hand() -> None:
    """One model at 1 USD, another at 3, quality 0 and 1 for all of two prompts that look the same.

    Above the price 1 / 2 both go to the cheap model, below it to the dear one; a budget of 2 makes half of them dear.
    """
    table = ReplayTable.from_arrays(
        ["a", "b"], [[0.0, 1.0]] * 2, cost_usd=[[1.0, 3.0]] * 2, signals={"sure": [[0.0, 0.0]] * 2}
    )
    fitted = fit_cascade_routing(table, None, ["sure"], 2.0)
    assert (fitted.policy.lam, fitted.policy.gamma) == pytest.approx((0.5, 0.5))
    assert (fitted.quality, fitted.cost_usd) == pytest.approx((0.5, 2.0))


def test_what_cannot_be_paid_is_an_error() -> None:
    table, estimates = world(0, 20)
    with pytest.raises(ValueError, match=r"budget of 0.09 a prompt is infeasible: the least that can be spent is 0.1"):
        fit_cascade_routing(table, estimates, ["sure"], 0.09)


def test_a_cost_that_is_not_known_is_an_error() -> None:
    table = ReplayTable.from_arrays(["a", "b"], [[0.5, 0.5]] * 3, cost_usd=[[1.0, 2.0], [1.0, np.nan], [1.0, 2.0]])
    with pytest.raises(ValueError, match="1 prompts have a cost that is not known"):
        fit_cascade_routing(table, None, [], 1.5)


def test_the_belief_is_that_of_the_world() -> None:
    """Without clipping signals are qualities and noise of 0.1, so given the estimates their covariances are equal and
    their variances 0.01 more; ignoring the shared shock, an estimate is worth .0625 / (.0625 + .09) = 0.41 of itself.
    """
    rng = np.random.default_rng(0)
    quality = 0.5 + rng.normal(0, 0.15, (4000, 1)) + rng.normal(0, 0.2, (4000, 2))
    sure = quality + rng.normal(0, 0.1, quality.shape)
    table = ReplayTable.from_arrays(["a", "b"], quality, cost_usd=np.ones_like(quality), signals={"sure": sure})
    estimates = quality + rng.normal(0, 0.3, quality.shape)
    belief = fit_belief(meet_all(table, estimates), (0, 1), ["sure"])
    joint, slope = np.array(belief.covariance), np.array(belief.slope)
    assert joint[:2, :2] == pytest.approx(joint[:2, 2:], abs=0.002)
    assert joint[2:, 2:] - joint[:2, :2] == pytest.approx(0.01 * np.eye(2), abs=0.002)
    total = 0.0225 + 0.04 * np.eye(2)
    assert slope[:2] == pytest.approx(total @ np.linalg.inv(total + 0.09 * np.eye(2)), abs=0.03)


def test_cascade_routing_leads_where_both_estimates_and_answers_inform() -> None:
    """The belief is of other prompts; the price is the best of each on these, which favours none of the three.

    At 400 prompts a difference of two policies has a standard error of up to 0.008, hence the room at each budget; over
    five budgets it has to lead.
    """
    learnt, estimates = world(100, 400)
    belief = fit_belief(meet_all(learnt, estimates), (0, 1, 2), ["sure"])
    met = meet_all(*world(1, 400))
    policy = CascadeRouting((0, 1, 2), belief, lam=0.0)
    kinds = (ROUTING, CASCADING, FREE)
    each = [price_curve(replace(policy, **kind), met) for kind in kinds]
    budgets = (0.2, 0.4, 0.6, 0.8, 1.0)
    routing, cascading, free = (np.array([best_at_budget([one], usd).quality for usd in budgets]) for one in each)
    assert (free >= np.maximum(routing, cascading) - 0.008).all()
    assert free.mean() > np.maximum(routing, cascading).mean() + 0.002
