"""Whether routers that claim to be the same decide alike: a run and its bundle, fp32 and int8."""

from collections.abc import Sequence
from itertools import combinations

from anabranch.training.choices import Tried
from anabranch.training.ground import Ground
from anabranch.training.metrics.oracle import chosen_cells
from anabranch.training.report.contents import Agreement

TOLERANCE = 1e-4  # fp32 estimates agree within this, so decisions must wherever the gap is wider


def agreements_of(tried: Sequence[Tried], ground: Ground) -> tuple[Agreement, ...]:
    """One entry for each pair of routers that come from one training and have the same policy and trade-off."""
    return tuple(_agreement(a, b, ground) for a, b in combinations(tried, 2) if _same(a, b))


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
