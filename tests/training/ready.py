"""Routers whose estimates are given, for tests of what is built on top of estimates."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.routers.costing import Costing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Policy
from anabranch.routers.router import Router


def ready_router(
    table: Outcomes,
    quality: ArrayLike,
    *,
    policy: Policy | None = None,
    tradeoff: float = 1.0,
    name: str = "ready",
    origin: str = "",
) -> Router:
    """A router that estimates `quality` [n, A] and the recorded cost, in the order of the table's prompts."""
    knob = tradeoff
    row_of = {text: row for row, text in enumerate(table.texts)}
    known = np.asarray(quality, np.float32)
    usage = table.cost_usd.astype(np.float32)

    def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        rows = [row_of[text] for text in texts]
        return Estimates(known[rows], usage[rows], np.zeros_like(known[rows]))

    chosen = policy or ArgmaxUtility()
    costing = Costing("cost_usd" if table.has_cost else "unknown")
    return Router(name, table.arms, estimate, costing, chosen, knob, "calibrated", origin=origin)
