"""What routers and cascades do on a board's test prompts, all of them on the same draws."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from anabranch.commands.recorded import recorded_answers
from anabranch.data.labelset import read_labels
from anabranch.routers.deferral.plan import Plan
from anabranch.routers.router import Router
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.choices import knobs_of, try_out
from anabranch.training.evaluate import KNOBS, evaluate
from anabranch.training.ground import Ground, lay_ground
from anabranch.training.metrics.curve import bootstrap_curve, curve_metrics
from anabranch.training.paired import Floats, Paired
from anabranch.training.report.json_view import to_json
from benchmarks.cascade_curves.boards import MIX, NAMED, READ
from benchmarks.leaderboard.measure import zero_aiq

REPLICATES = 2000


def measured(name: str, labels: Path, opened: Sequence[Router | Plan]) -> dict[str, Any]:
    """The report of an evaluation as JSON holds it, and each row's area over those of two routers.

    Args:
        name: of the board.
        labels: its label set.
        opened: what to measure; the router named beforehand is among them.
    """
    routers = [one for one in opened if isinstance(one, Router)]
    plans = [one for one in opened if isinstance(one, Plan)]
    label_set = read_labels(labels)
    outcomes = label_set.outcomes(routers[0].arms)
    test, train = outcomes.split("test"), outcomes.split("train")
    table = recorded_answers(plans, label_set).split("test")
    report = evaluate(routers, test, train, labels=name, plans=plans, table=table, replicates=REPLICATES, examples=0)
    ground = lay_ground(test, train, Paired.draw(len(test), REPLICATES, 0))
    areas = {router.name: router_area(router, ground) for router in routers}
    areas |= {plan.name: plan_area(TriedPlan.of(plan, table), ground) for plan in plans}
    mix = zero_aiq(ground)
    assert mix is not None  # all costs are USD
    areas[MIX] = mix
    found = {
        "train": len(train),
        "mix": ground.paired.interval(mix),
        "over": {
            router: {row: ground.paired.interval(area - areas[router]) for row, area in areas.items() if row != router}
            for router in (NAMED[1], READ)
        },
    }
    return {"report": orjson.loads(to_json(report)), **orjson.loads(orjson.dumps(found))}


def router_area(router: Router, ground: Ground) -> Floats:
    """AIQ in every bootstrap row, [1 + R]."""
    tried = try_out(router, ground.table.texts, knobs_of(router, KNOBS))
    curve = bootstrap_curve(ground.paired.counts, ground.table.quality, ground.cost, tried.choices)
    return curve_metrics(curve, ground.arms, best=ground.best).aiq


def plan_area(tried: TriedPlan, ground: Ground) -> Floats:
    """The same of a cascade: its costs are those of all calls made."""
    return curve_metrics(tried.curve(ground.paired.counts), ground.arms, best=ground.best).aiq
