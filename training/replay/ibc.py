"""Incremental benefit per cost: what each further dollar of a mixture of two models buys."""

from math import nan

import numpy as np
from numpy.typing import ArrayLike

from anabranch.data.outcomes import Floats


def ibc_lift(quality: ArrayLike, cost_usd: ArrayLike, small: tuple[float, float], large: tuple[float, float]) -> Floats:
    """How much more each dollar beyond the small model buys than if it went into calling the large one at random.

    It is (slope of the mixture - slope of the large model) / slope of the large model, both seen from the small one.
    NaN where that says nothing: the mixture or the large model does not cost more than the small one, or the large
    model is not better than it. High lifts come with few calls of the large model; choose by quality at a budget.
    AutoMix, arXiv 2310.12963.

    Args:
        quality: mean quality of mixtures, any shape.
        cost_usd: their mean cost, the same shape.
        small: mean quality and mean cost of the small model alone.
        large: the same of the large model alone.

    >>> ibc_lift([0.5, 0.75], [1.0, 3.0], small=(0.5, 1.0), large=(1.0, 9.0)).tolist()
    [nan, 1.0]
    """
    gain, extra = np.asarray(quality, np.float64) - small[0], np.asarray(cost_usd, np.float64) - small[1]
    base_gain, base_extra = large[0] - small[0], large[1] - small[1]
    base = base_gain / base_extra if base_gain > 0 and base_extra > 0 else nan
    slope = np.divide(gain, extra, out=np.full(np.shape(gain), nan), where=extra > 0)
    return np.asarray((slope - base) / base)
