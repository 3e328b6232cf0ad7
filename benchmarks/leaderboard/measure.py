"""A trained router on a board: every figure, on the test prompts and in every bootstrap replicate."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Outcomes
from anabranch.routers.policies.threshold_pair import ThresholdPair
from anabranch.routers.router import Router
from anabranch.training.choices import Tried, knobs_of, try_out
from anabranch.training.ground import Ground, lay_ground
from anabranch.training.metrics.bootstrap import bootstrap_means, resample_counts
from anabranch.training.metrics.curve import Curve, bootstrap_curve, curve_metrics
from anabranch.training.metrics.macro import macro_weights
from anabranch.training.metrics.oracle import headroom_recovered
from anabranch.training.metrics.pair import bootstrap_apgr, bootstrap_cpt
from anabranch.training.paired import Floats, Paired

KNOBS = 41


class Measured(NamedTuple):
    """Figures in every bootstrap row, each [1 + R], and the curve's cost and quality, each [T]."""

    rows: dict[str, Floats]
    curve: tuple[tuple[float, ...], tuple[float, ...]]


def board_ground(test: Outcomes, train: Outcomes, *, macro: bool, replicates: int, seed: int = 0) -> Ground:
    """What the routers of a board are measured on and against; all of them on the same draws.

    Args:
        test: n prompts, A arms.
        train: prompts that name the best single arm and the mix.
        macro: means are over tasks; prompts are then drawn within their task.
        replicates: of the bootstrap.
        seed: of the bootstrap.
    """
    if not macro:
        return lay_ground(test, train, Paired.draw(len(test), replicates, seed))
    ground = lay_ground(test, train, _draw_macro(test, replicates, seed))
    means = bootstrap_means(macro_weights(train.tasks)[None, :], train.quality)[0]
    best = int(np.nanargmax(means))
    return replace(ground, best=best, bar=replace(ground.bar, best_single=ground.arms.quality[:, best]))


def measure(router: Router, ground: Ground) -> Measured:
    """Try a router along its knob, at its calibrated trade-off, and where quality alone counts."""
    table, paired = ground.table, ground.paired
    tried = try_out(router, table.texts, knobs_of(router, KNOBS))
    choices = np.column_stack([tried.choices, tried.decision.arm, quality_first(tried)])
    curve = bootstrap_curve(paired.counts, table.quality, ground.cost, choices)
    quality, single = curve.quality[:, -1], ground.arms.quality[:, ground.best]
    rows = {
        "quality": quality,
        "gain": quality - single,
        "headroom": headroom_recovered(quality, single, ground.oracle.quality[:, 0]),
        **_priced(curve, ground),
        **_paired_arms(tried, ground),
    }
    if router.quality_kind == "calibrated":
        squared = (tried.estimates.quality.astype(np.float64) - table.quality) ** 2
        rows["brier"] = np.asarray(np.nanmean(paired.means(squared), axis=1))
    return Measured(rows, _drawn(curve))


def quality_first(tried: Tried) -> NDArray[np.int64]:
    """The arm of each prompt where quality alone counts, [n]: the decision at trade-off 1.

    The threshold of a pair sends every prompt to the strong arm there, whatever is estimated; the arm that is thought
    to be better is what the question means.
    """
    if isinstance(tried.router.policy, ThresholdPair):
        return np.asarray(tried.estimates.quality.argmax(axis=1), np.int64)
    return tried.choices[:, -1]


def zero_aiq(ground: Ground) -> Floats | None:
    """AIQ of the best mix of single models, the zero router, in every row [1 + R]; None without costs."""
    mix = ground.bar.mix
    if mix is None or ground.unit != "usd":
        return None
    return curve_metrics(Curve(mix.quality, mix.cost, mix.cost), ground.arms, best=ground.best).aiq


def _draw_macro(test: Outcomes, replicates: int, seed: int) -> Paired:
    counts = np.ones((1 + replicates, len(test)))
    counts[1:] = resample_counts(len(test), replicates, np.random.default_rng(seed), strata=test.tasks)
    return Paired(counts * macro_weights(test.tasks))


def _priced(curve: Curve, ground: Ground) -> dict[str, Floats]:
    """What needs a cost: the calibrated trade-off, QNC, and in USD the area of the curve."""
    if curve.cost_usd is None:
        return {}
    drawn = Curve(curve.quality[:, :-2], curve.cost_usd[:, :-2], curve.coverage[:, :-2])
    areas = curve_metrics(drawn, ground.arms, best=ground.best)
    rows = {
        "cost": curve.cost_usd[:, -1],
        "calibrated_quality": curve.quality[:, -2],
        "calibrated_cost": curve.cost_usd[:, -2],
        "qnc": areas.qnc,
    }
    zero = zero_aiq(ground)
    return rows if zero is None else rows | {"aiq": areas.aiq, "aiq_gain": areas.aiq - zero}


def _paired_arms(tried: Tried, ground: Ground) -> dict[str, Floats]:
    """RouteLLM's figures, for two arms."""
    if ground.unit != "strong_share":
        return {}
    strong, weak = ground.best, 1 - ground.best
    score = tried.estimates.quality[:, strong] - tried.estimates.quality[:, weak]
    low, high = ground.table.quality[:, weak], ground.table.quality[:, strong]
    apgr = bootstrap_apgr(ground.paired.counts, score, low, high)
    (cpt50,) = bootstrap_cpt(ground.paired.counts, score, low, high, levels=(0.5,))
    return {"apgr": apgr, "apgr_gain": apgr - 0.5, "cpt50": cpt50}


def _drawn(curve: Curve) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if curve.cost_usd is None:
        return (), ()
    return tuple(curve.cost_usd[0, :-2].tolist()), tuple(curve.quality[0, :-2].tolist())
