"""What a router chooses along its knob."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Decision, Situation
from anabranch.routers.router import Router


@dataclass(frozen=True, eq=False)
class Tried:
    """A router tried on n prompts.

    Args:
        router: which.
        estimates: at its calibrated trade-off, [n, A].
        cost_usd: expected USD at its calibrated trade-off, [n, A]; NaN if unknown.
        decision: at its calibrated trade-off.
        knobs: T trade-offs.
        choices: int64 [n, T], the arm at each of them.
    """

    router: Router
    estimates: Estimates[Floats]
    cost_usd: Floats
    decision: Decision
    knobs: Floats
    choices: NDArray[np.int64]


def try_out(router: Router, texts: Sequence[str], knobs: Floats) -> Tried:
    """Decide every text at the calibrated trade-off and at every knob; estimates are made once if they can be."""
    estimates, cost_usd = router.estimates(texts, router.tradeoff)
    decision = router.policy.decide(Situation(estimates, cost_usd, np.full(len(texts), router.tradeoff)))
    if router.reads_tradeoff:
        columns = [router.decide(texts, float(knob)).arm for knob in knobs]
    else:
        rows = [np.full(len(texts), knob) for knob in knobs]
        columns = [router.policy.decide(Situation(estimates, cost_usd, row)).arm for row in rows]
    return Tried(router, estimates, cost_usd, decision, knobs, np.stack(columns, axis=1))


def knobs_of(router: Router, count: int) -> Floats:
    """The trade-offs worth drawing a curve at; only 1 where nothing is known to trade quality against."""
    blind = router.policy.needs_cost and router.costing.usage_kind == "unknown"
    return np.ones(1) if blind else np.unique(router.policy.knots(count))
