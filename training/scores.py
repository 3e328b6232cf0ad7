"""The scalar metrics of a router or a cascade, with intervals."""

import numpy as np

from anabranch.data.outcomes import Outcomes
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.choices import Tried
from anabranch.training.ground import Ground
from anabranch.training.metrics.calibration import auroc, ece, log_loss, reliability
from anabranch.training.metrics.collapse import rci, selection_entropy
from anabranch.training.metrics.curve import Curve, curve_metrics
from anabranch.training.metrics.macro import macro_weights
from anabranch.training.metrics.oracle import chosen_cells, hit, oracle_gap, oracle_utility
from anabranch.training.metrics.regret import regret
from anabranch.training.metrics.routerarena import arena_score
from anabranch.training.report.contents import Bin, Interval


def scores_of(tried: Tried, curve: Curve, ground: Ground) -> dict[str, Interval]:
    """Every scalar metric that is defined for this router on this ground.

    Args:
        tried: the router's estimates and choices.
        curve: quality and cost in every bootstrap row, [1 + R, T + 1], the calibrated trade-off last.
        ground: what it is measured against.
    """
    table, paired, choice = ground.table, ground.paired, tried.decision.arm
    columns = {
        "macro_quality": chosen_cells(table.quality, choice) * macro_weights(table.tasks),
        "hit_rate": hit(table.quality, choice),
        "regret": regret(table.quality, None, choice),
    }
    if ground.unit == "usd" and ground.cost is not None:
        columns["collapse"] = rci(table.quality, ground.cost, choice)
    scores = _reached(curve, ground) | {"selection_entropy": _exact(selection_entropy(choice))}
    return scores | paired.intervals(columns) | _priced(curve, ground) | _calibration(tried, ground)


def cascade_scores(tried: TriedPlan, curve: Curve, ground: Ground) -> dict[str, Interval]:
    """The same of a cascade; what speaks of a single choice or of estimates before any call is not defined for it.

    Args:
        tried: what it did.
        curve: quality and cost in every bootstrap row, [1 + R, K + 1], the calibrated stop last.
        ground: what it is measured against.
    """
    table, reached = ground.table, tried.quality[:, tried.place]
    best = oracle_utility(table.quality)
    columns = {
        "macro_quality": reached * macro_weights(table.tasks),
        "hit_rate": np.where(np.isnan(reached), np.nan, reached >= best),
        "regret": best - reached,
    }
    return _reached(curve, ground) | ground.paired.intervals(columns) | _priced(curve, ground)


def bins_of(tried: Tried, table: Outcomes) -> tuple[Bin, ...]:
    """The calibration of all arms' quality estimates together; nothing for scores and win rates."""
    if tried.router.quality_kind != "calibrated":
        return ()
    rows = reliability(tried.estimates.quality.ravel(), table.quality.ravel())
    return tuple(Bin(float(p), float(o), int(n)) for p, o, n in zip(*rows, strict=True))


def _reached(curve: Curve, ground: Ground) -> dict[str, Interval]:
    paired = ground.paired
    return {
        "peak": paired.interval(curve.quality[:, :-1].max(axis=1)),
        "oracle_gap": paired.interval(oracle_gap(curve.quality[:, -1], ground.oracle.quality[:, 0])),
    }


def _priced(curve: Curve, ground: Ground) -> dict[str, Interval]:
    """Metrics of the whole curve; AIQ of the mix stands beside the router's, as what it must beat."""
    paired = ground.paired
    if curve.cost_usd is None or ground.cost is None or ground.bar.mix is None:
        return {}
    drawn = Curve(curve.quality[:, :-1], curve.cost_usd[:, :-1], curve.coverage[:, :-1])
    areas = curve_metrics(drawn, ground.arms, best=ground.best)
    mix = ground.bar.mix
    mixed = curve_metrics(Curve(mix.quality, mix.cost, mix.cost), ground.arms, best=ground.best)
    scores = {name: paired.interval(getattr(areas, name)) for name in ("aiq", "audc", "qnc")}
    scores["aiq_of_mix"] = paired.interval(mixed.aiq)
    scores["aiq_gain"] = paired.interval(areas.aiq - mixed.aiq)
    if ground.unit == "usd":
        scores["router_arena"] = paired.interval(arena_score(curve.quality[:, -1], 1000 * curve.cost_usd[:, -1]))
    return scores


def _calibration(tried: Tried, ground: Ground) -> dict[str, Interval]:
    """Brier score with an interval; ECE, log-loss and AUROC of the prompts as they are."""
    if tried.router.quality_kind != "calibrated":
        return {}
    predicted, observed = tried.estimates.quality, ground.table.quality
    squared = ((predicted - observed) ** 2).astype(np.float64)
    return {
        "brier": ground.paired.interval(np.nanmean(ground.paired.means(squared), axis=1)),
        "ece": _exact(ece(predicted, observed)),
        "log_loss": _exact(log_loss(predicted, observed)),
        "auroc": _exact(auroc(predicted, observed)),
    }


def _exact(value: float) -> Interval:
    return Interval(value, float("nan"), float("nan"))
