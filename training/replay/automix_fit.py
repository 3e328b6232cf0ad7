"""Choose at which self-checks AutoMix escalates, from recorded answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.automix import AutoMix
from anabranch.training.replay.automix_bins import automix_bins
from anabranch.training.replay.automix_sets import FAMILIES
from anabranch.training.replay.ibc import ibc_lift

ROUNDING = 1e-9


@dataclass(frozen=True)
class FittedAutoMix:
    """A policy, and what it reached on the prompts it was fitted on.

    Args:
        policy: at its best set of bins.
        quality: mean.
        cost_usd: mean, of all calls and self-checks.
        ibc_lift: see `ibc_lift`; NaN where it is not defined.
    """

    policy: AutoMix
    quality: float
    cost_usd: float
    ibc_lift: float


def fit_automix(
    table: ReplayTable,
    models: tuple[int, int],
    *,
    budget_usd: float = inf,
    family: str = "exact",
    bins: int = 8,
    kappa: float = 10.0,
    signal: str = "verify",
    always: Sequence[int] = (),
    verify_usd: float = 0.0,
) -> FittedAutoMix:
    """The set of bins of a family with the best mean quality at a mean cost; of equals the cheapest.

    The paper chooses by IBC lift, which ends at calling the large model almost never.

    Args:
        table: prompts to fit on.
        models: numbers of the small and the large one; the small one's cost includes its self-checks.
        budget_usd: mean cost of a prompt.
        family: exact, threshold, double, triple, pomdp, greedy, or union of the paper's.
        bins: B; a share of self-checks falls to the nearest of 0, 1/B ... 1.
        kappa: prompts by which exact draws the mean gain of a bin to that of all.
        signal: name of the share of self-checks that said correct.
        always: keys that escalate whatever the check says.
        verify_usd: what of the small model's mean cost were self-checks; only the IBC lift asks.

    Raises:
        ValueError: the family is unknown, the budget is below what never escalating costs, or no prompt has both.

    >>> table = ReplayTable.from_arrays(
    ...     ["small", "large"], [[0, 1], [1, 1]], cost_usd=[[1, 4], [1, 4]], signals={"verify": [[0, 0], [1, 1]]}
    ... )
    >>> fitted = fit_automix(table, (0, 1), bins=1, kappa=0)
    >>> fitted.policy.escalate, fitted.quality, fitted.cost_usd, round(fitted.ibc_lift, 3)
    ((True, False), 1.0, 3.0, 0.5)
    """
    if family not in FAMILIES:
        raise ValueError(f"unknown family {family!r}; known families: {', '.join(FAMILIES)}")
    sums = automix_bins(table, models, bins=bins, signal=signal, always=always)
    sets = FAMILIES[family](sums, kappa)
    quality, cost_usd = sums.reached(sets)
    allowed = cost_usd <= budget_usd + ROUNDING
    if not allowed.any():
        raise ValueError(
            f"a budget of {budget_usd} USD is below {sums.kept.cost_usd}, what the small model costs where nothing "
            "but `always` escalates"
        )
    # rounded, so that equal sums added up in another order stay equal
    best = int(np.lexsort((cost_usd, -np.where(allowed, quality.round(12), -inf)))[0])
    small = (sums.small.quality, sums.small.cost_usd - verify_usd)
    return FittedAutoMix(
        AutoMix(models, tuple(sets[best].tolist()), signal, tuple(always)),
        quality=float(quality[best]),
        cost_usd=float(cost_usd[best]),
        ibc_lift=float(ibc_lift(quality[best], cost_usd[best], small, sums.large)),
    )
