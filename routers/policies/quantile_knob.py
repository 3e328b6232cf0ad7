"""A knob that runs through the quantiles of what was seen on the validation split."""

import numpy as np

from anabranch.routers.policies.policy import Floats

STEPS = 201


def levels_of(values: Floats) -> tuple[float, ...]:
    """201 quantiles of all values, ascending, at equal steps from the least to the largest.

    >>> levels_of(np.array([[0.0, 1.0]]))[100]
    0.5
    """
    return tuple(float(level) for level in np.quantile(values.astype(np.float64), np.linspace(0, 1, STEPS)))


def level_at(tradeoff: Floats, levels: tuple[float, ...]) -> Floats:
    """The level at each trade-off, linear between its steps; beyond all of them at the ends. (B,) -> (B,).

    Args:
        tradeoff: float64 [B] in [0, 1].
        levels: ascending; at least one.

    >>> level_at(np.array([0.0, 0.5, 1.0]), (1.0, 3.0)).tolist()
    [-inf, 2.0, inf]
    """
    inside = np.interp(tradeoff, np.linspace(0.0, 1.0, len(levels)), levels)
    return np.where(tradeoff >= 1, np.inf, np.where(tradeoff <= 0, -np.inf, inside))
