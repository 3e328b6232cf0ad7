"""Everything an evaluation finds about one cascade."""

import numpy as np

from anabranch.data.outcomes import Floats
from anabranch.routers.deferral.plan import Plan
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.curve_points import curve_points
from anabranch.training.decisions import example_answers
from anabranch.training.ground import Ground
from anabranch.training.metrics.curve import Curve
from anabranch.training.report.contents import Calls, RouterResult
from anabranch.training.scores import cascade_scores
from anabranch.training.task_rows import task_rows
from anabranch.training.verdict import verdict


def cascade_result(tried: TriedPlan, ground: Ground, examples: int, seed: int) -> RouterResult:
    """Measure a cascade on the same ground, and with the same bootstrap draws, as routers.

    Args:
        tried: what it did on the ground's prompts.
        ground: what it is measured against; its cost counts only where costs are USD.
        examples: decisions shown.
        seed: of which are.
    """
    plan, place = tried.plan, tried.place
    curve = _with_calibrated(tried.curve(ground.paired.counts), place, ground.unit == "usd")
    quality, cost = curve.quality[:, -1], None if curve.cost_usd is None else curve.cost_usd[:, -1]
    called = tried.calls[:, :, place].sum(axis=0)
    return RouterResult(
        row=ground.row_of(plan.name, "cascade", quality, cost, float(curve.coverage[0, -1])),
        tradeoff=plan.tradeoff,
        verdict=verdict(quality, cost, ground.bar, ground.paired),
        curve=curve_points(plan.knobs(), curve, ground.paired),
        metrics=cascade_scores(tried, curve, ground),
        shares=_by_arm(called / max(called.sum(), 1), plan, ground),
        tasks=task_rows(tried.quality[:, place], ground),
        pairs=(),
        bins=(),
        examples=example_answers(tried, ground, examples, seed),
        calls=_calls(tried, ground),
    )


def _with_calibrated(curve: Curve, place: int, priced: bool) -> Curve:
    """The curve with the calibrated stop once more as its last column."""
    columns = [*range(curve.quality.shape[1]), place]
    cost = curve.cost_usd[:, columns] if curve.cost_usd is not None and priced else None
    return Curve(curve.quality[:, columns], cost, curve.coverage[:, columns])


def _calls(tried: TriedPlan, ground: Ground) -> Calls:
    place, known = tried.place, tried.known
    model = tried.model[known, place]
    times = {"per_prompt": tried.calls[:, :, place].sum(axis=1), "abstained": tried.abstained[:, place]}
    means = ground.paired.intervals({name: np.where(known, each, np.nan) for name, each in times.items()})
    p50, p95 = _quantiles(tried.latency_s[:, place], (0.5, 0.95))
    return Calls(
        per_prompt=means["per_prompt"],
        answered=_by_arm(
            np.bincount(model[model >= 0], minlength=len(tried.plan.models)) / len(model), tried.plan, ground
        ),
        abstained=means["abstained"],
        latency_p50_s=p50,
        latency_p95_s=p95,
    )


def _quantiles(values: Floats, shares: tuple[float, ...]) -> list[float]:
    known = values[~np.isnan(values)]
    return [float(np.quantile(known, share)) if len(known) else float("nan") for share in shares]


def _by_arm(shares: Floats, plan: Plan, ground: Ground) -> dict[str, float]:
    of_model = dict(zip(plan.models, shares.tolist(), strict=True))
    return {arm: of_model.get(arm, 0.0) for arm in ground.table.arms}
