"""Measure routers and cascades on prompts they have not seen, beside the baselines, with paired intervals."""

from collections.abc import Sequence

import numpy as np

from anabranch.data.outcomes import Outcomes
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.router import Router
from anabranch.training.agreement import agreements_of, cascade_agreements
from anabranch.training.cascade_result import cascade_result
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.choices import Tried, knobs_of, try_out
from anabranch.training.curve_points import curve_points
from anabranch.training.decisions import example_decisions
from anabranch.training.fusion_result import FusedAnswers, fusion_result
from anabranch.training.ground import Ground, lay_ground
from anabranch.training.metrics.curve import bootstrap_curve
from anabranch.training.metrics.oracle import chosen_cells
from anabranch.training.pair_rows import pair_rows
from anabranch.training.paired import Paired
from anabranch.training.report.contents import Report, RouterResult
from anabranch.training.scores import bins_of, scores_of
from anabranch.training.task_rows import task_rows
from anabranch.training.verdict import verdict

KNOBS = 41


def evaluate(
    routers: Sequence[Router],
    test: Outcomes,
    train: Outcomes,
    *,
    labels: str,
    plans: Sequence[Plan] = (),
    table: ReplayTable | None = None,
    fused: FusedAnswers | None = None,
    split: str = "test",
    replicates: int = 1000,
    seed: int = 0,
    examples: int = 12,
) -> Report:
    """Compare routers and cascades with each other and with the baselines.

    What a cascade did is replayed on recorded answers, with the draws of serving. One whose calls have no known costs
    is measured by its quality alone, against the best single arm.

    Args:
        routers: all of the same arms, those of `test`.
        test: the prompts to measure on; read once, nothing is chosen on them.
        train: the prompts that name the best single arm and the mix to beat.
        labels: what the report calls the label set.
        plans: cascades of models among the arms of `test`.
        table: the answers to the prompts of `test`, in that order, for cascades; None without any.
        fused: what models that write together answered to the prompts of `test`, in that order; None without any.
        split: what it calls the prompts.
        replicates: of the bootstrap.
        seed: of the bootstrap and of which examples are shown.
        examples: decisions shown a router.

    Raises:
        NotReplayable: a cascade calls for more answers than are recorded, on every prompt.
        ValueError: a router's arms are not those of `test`, a cascade's models not among them, or no quality is known.
    """
    _check(routers, test)
    cascades = _replayed(plans, test, table)
    paired = Paired.draw(len(test), replicates, seed)
    ground = lay_ground(test, train, paired)
    tried = [try_out(router, test.texts, knobs_of(router, KNOBS)) for router in routers]
    return Report(
        labels=labels,
        split=split,
        prompts=len(test),
        arms=test.arms,
        best_single=test.arms[ground.best],
        level=paired.level,
        replicates=replicates,
        baselines=ground.baselines(),
        cost_unit=ground.unit,
        frontier=() if ground.bar.mix is None else _points(ground.bar.mix.cost[0], ground.bar.mix.quality[0]),
        routers=(
            *(_result(one, ground, examples, seed) for one in tried),
            *(cascade_result(one, ground, examples, seed) for one in cascades),
        ),
        agreements=agreements_of(tried, ground) + cascade_agreements(cascades, ground),
        notes=_notes(test, train, len(routers) + len(plans) + (fused is not None)) + _unpriced(cascades),
        fusion=None if fused is None else fusion_result(fused, ground),
    )


def _result(tried: Tried, ground: Ground, examples: int, seed: int) -> RouterResult:
    table, paired, choice = ground.table, ground.paired, tried.decision.arm
    # the calibrated trade-off is one more column, so that it is resampled together with the curve
    choices = np.concatenate([tried.choices, choice[:, None]], axis=1)
    curve = bootstrap_curve(paired.counts, table.quality, ground.cost, choices)
    quality, cost = curve.quality[:, -1], None if curve.cost_usd is None else curve.cost_usd[:, -1]
    shares = np.bincount(choice, minlength=len(table.arms)) / len(table)
    pair = len(table.arms) == 2
    advantage = tried.estimates.quality[:, ground.best] - tried.estimates.quality[:, 1 - ground.best] if pair else None
    return RouterResult(
        row=ground.row_of(tried.router.name, "router", quality, cost, float(curve.coverage[0, -1])),
        tradeoff=tried.router.tradeoff,
        verdict=verdict(quality, cost, ground.bar, paired),
        curve=curve_points(tried.knobs.tolist(), curve, paired),
        metrics=scores_of(tried, curve, ground),
        shares=dict(zip(table.arms, shares.tolist(), strict=True)),
        tasks=task_rows(chosen_cells(table.quality, choice), ground),
        pairs=() if advantage is None else pair_rows(advantage, table, 1 - ground.best, ground.best, paired),
        bins=bins_of(tried, table),
        examples=example_decisions(tried, ground, examples, seed),
    )


def _replayed(plans: Sequence[Plan], test: Outcomes, table: ReplayTable | None) -> list[TriedPlan]:
    for plan in plans:
        unknown = sorted(set(plan.models) - set(test.arms))
        if unknown:
            raise ValueError(f"cascade {plan.name!r} calls {unknown}; the outcomes are of {test.arms}")
        if table is None or table.prompt_ids != test.prompt_ids:
            raise ValueError("cascades are replayed: give the recorded answers to the very prompts of the outcomes")
    return [] if table is None else [TriedPlan.of(plan, table) for plan in plans]


def _check(routers: Sequence[Router], test: Outcomes) -> None:
    if np.isnan(test.quality).all():
        raise ValueError("no quality is known on these prompts: every cell of the labels is empty (NaN)")
    for router in routers:
        if router.arms != test.arms:
            raise ValueError(f"router {router.name!r} chooses among {router.arms}, the outcomes are of {test.arms}")


def _points(cost: np.ndarray, quality: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(c), float(q)) for c, q in zip(cost, quality, strict=True))


def _notes(test: Outcomes, train: Outcomes, routers: int) -> tuple[str, ...]:
    missing = float(np.isnan(test.quality).mean())
    notes = [f"{missing:.1%} of the quality cells are unknown and count for nothing"] if missing else []
    if set(train.prompt_ids) & set(test.prompt_ids):
        notes.append("the best single model and the mix were chosen on these very prompts, in hindsight")
    if routers > 1:
        notes.append(f"each of the {routers} verdicts is a test at 5 % of its own; the best of many is partly luck")
    return tuple(notes)


def _unpriced(cascades: Sequence[TriedPlan]) -> tuple[str, ...]:
    return tuple(
        f"the costs of what {one.plan.name} calls are not known: it cannot be judged beyond its quality"
        for one in cascades
        if not one.has_cost
    )
