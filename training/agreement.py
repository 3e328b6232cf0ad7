"""Whether routers that claim to be the same decide alike: a run and its bundle, fp32 and int8."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from anabranch.data.outcomes import Floats
from anabranch.training.cascades.tried import TriedPlan
from anabranch.training.choices import Tried
from anabranch.training.ground import Ground
from anabranch.training.metrics.oracle import chosen_cells
from anabranch.training.report.contents import Agreement

TOLERANCE = 1e-4  # fp32 estimates agree within this, so decisions must wherever the gap is wider


def agreements_of(tried: Sequence[Tried], ground: Ground) -> tuple[Agreement, ...]:
    """One entry for each pair of routers that come from one training and have the same policy and trade-off."""
    return tuple(_agreement(a, b, ground) for a, b in combinations(tried, 2) if _same(a, b))


def cascade_agreements(tried: Sequence[TriedPlan], ground: Ground) -> tuple[Agreement, ...]:
    """The same of cascades, on the prompts that count for both; every difference counts, as ties are not known."""
    return tuple(_cascades(a, b, ground) for a, b in combinations(tried, 2) if _same_plan(a, b))


def _same(a: Tried, b: Tried) -> bool:
    one, other = a.router, b.router
    akin = bool(one.origin) and one.origin == other.origin
    return akin and one.policy == other.policy and one.tradeoff == other.tradeoff


def _agreement(a: Tried, b: Tried, ground: Ground) -> Agreement:
    first, second = a.decision.arm, b.decision.arm
    differ = first != second
    margin = a.router.policy.margin(a.on)
    changes = ground.paired.intervals(
        {
            name: chosen_cells(cells, second) - chosen_cells(cells, first)
            for name, cells in (("quality", ground.table.quality), ("cost", ground.cost))
            if cells is not None
        }
    )
    return Agreement(
        first=a.router.name,
        second=b.router.name,
        equal=float(1 - differ.mean()),
        unequal_beyond_ties=int((differ & (margin > TOLERANCE)).sum()),
        tolerance=TOLERANCE,
        quality_change=changes["quality"],
        cost_change=changes.get("cost"),
    )


def _same_plan(a: TriedPlan, b: TriedPlan) -> bool:
    one, other = a.plan, b.plan
    akin = bool(one.origin) and one.origin == other.origin and one.models == other.models
    return akin and one.policy() == other.policy()


def _cascades(a: TriedPlan, b: TriedPlan, ground: Ground) -> Agreement:
    both = a.known & b.known
    differ = (a.model[:, a.place] != b.model[:, b.place]) | (a.calls[..., a.place] != b.calls[..., b.place]).any(axis=1)
    changes = {"quality": _change(a, b, a.quality, b.quality)}
    if a.has_cost and b.has_cost and ground.unit == "usd":
        changes["cost"] = _change(a, b, a.cost_usd, b.cost_usd)
    found = ground.paired.intervals(changes)
    return Agreement(
        first=a.plan.name,
        second=b.plan.name,
        equal=float(1 - differ[both].mean()) if both.any() else float("nan"),
        unequal_beyond_ties=int(differ[both].sum()),
        tolerance=0.0,
        quality_change=found["quality"],
        cost_change=found.get("cost"),
    )


def _change(a: TriedPlan, b: TriedPlan, first: Floats, second: Floats) -> Floats:
    return np.asarray(second[:, b.place] - first[:, a.place])
