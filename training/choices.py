"""What a router chooses along its knob."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

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
        on: estimates, costs and draws at its calibrated trade-off.
        decision: there.
        knobs: T trade-offs.
        choices: int64 [n, T], the arm at each of them.
    """

    router: Router
    on: Situation
    decision: Decision
    knobs: Floats
    choices: NDArray[np.int64]

    @property
    def estimates(self) -> Estimates[Floats]:
        """At its calibrated trade-off, [n, A]."""
        return self.on.estimates


def try_out(router: Router, texts: Sequence[str], knobs: Floats) -> Tried:
    """Decide every text at the calibrated trade-off and at every knob; estimates are made once if they can be."""
    on = router.situation(texts)
    decision = router.policy.decide(on)
    if router.reads_tradeoff:
        columns = [router.decide(texts, float(knob)).arm for knob in knobs]
    else:
        rows = [np.full(len(texts), knob) for knob in knobs]
        columns = [router.policy.decide(replace(on, tradeoff=row)).arm for row in rows]
    return Tried(router, on, decision, knobs, np.stack(columns, axis=1))


def knobs_of(router: Router, count: int) -> Floats:
    """The trade-offs worth drawing a curve at; only 1 where nothing is known to trade quality against."""
    blind = router.policy.needs_cost and router.costing.usage_kind == "unknown"
    return np.ones(1) if blind else np.unique(router.policy.knots(count))
