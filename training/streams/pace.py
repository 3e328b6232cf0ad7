"""A threshold that moves, so that a budget lasts to the end of a stream."""

import numpy as np

from anabranch.training.streams.student import Floats


def chance_of_call(doubt: float, recent: Floats, share: float) -> float:
    """How likely a query is called, if the most doubtful `share` of such queries is to be called.

    A query is ranked among those before it and itself; ranks are settled by lot where doubts are equal, and so is the
    one rank that only a part of the share is left for. If the query is exchangeable with those before it, it is called
    with a chance of exactly `share`, whatever the doubts look like and however many are equal.

    Args:
        doubt: of the query.
        recent: float [w], doubts of queries before it.
        share: in [0, 1].

    Half of four queries are called, the first two. The one at 2.5 would be the second, the one at 1.5 the third; of
    two that are second and third alike, one is called.

    >>> recent = np.array([1.0, 2.0, 3.0])
    >>> [chance_of_call(doubt, recent, 0.5) for doubt in (2.5, 1.5, 2.0)]
    [1.0, 0.0, 0.5]
    """
    before, alike = int((recent > doubt).sum()), 1 + int((recent == doubt).sum())
    return float(np.clip((share * (len(recent) + 1) - before) / alike, 0.0, 1.0))
