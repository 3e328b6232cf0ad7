"""What a router chooses along its knob."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats
from anabranch.routers.router import Router


def choices_at(router: Router, texts: Sequence[str], knobs: Floats) -> NDArray[np.int64]:
    """The arm chosen for every text at every trade-off; N texts, knobs (T,) -> (N, T).

    Estimates are made once, unless they depend on the trade-off.
    """
    columns = []
    estimates, cost_usd = router.estimates(texts, float(knobs[0]))
    for knob in knobs:
        if router.reads_tradeoff:
            estimates, cost_usd = router.estimates(texts, float(knob))
        columns.append(router.policy.decide(estimates, cost_usd, np.full(len(texts), knob)).arm)
    return np.stack(columns, axis=1)
