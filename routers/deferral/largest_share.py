"""How likely it is that what was drawn most often is what is most common."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STEP = 0.01
LOWEST = -24.0  # of a logarithm; a Gamma variate of shape 1 or more is below e^-24 once in 10^10


@lru_cache(maxsize=4096)  # counts of few samples come back, prompt after prompt
def chance_of_another(shapes: tuple[float, ...]) -> float:
    """Probability that a share other than the first is the largest of a Dirichlet distribution's.

    The shares are independent Gamma variates over their sum, so one integral over the first variate says it, and
    nothing need be drawn. It runs over the logarithm, where sums of equal steps are integrals almost exactly.

    Args:
        shapes: K parameters, at least 1 each.

    >>> round(chance_of_another((1.0, 1.0, 1.0)), 6)  # equals: each is the largest in a third of the cases
    0.666667
    """
    shape = np.asarray(shapes, np.float64)
    most = shape.max()
    log_x = np.arange(LOWEST, np.log(most + 12 * np.sqrt(most) + 40), STEP)  # (G,)
    density = _densities(shape, log_x)  # (K, G)
    slope = density * (shape[:, None] - np.exp(log_x))
    # counted from above, so that chances far below the rounding of 1 stay what they are
    above = np.cumsum(density[:, ::-1], axis=1)[:, ::-1] - density / 2 + STEP / 12 * slope
    above = np.clip(above * STEP, 0.0, 1 - np.finfo(np.float64).epsneg)
    beaten = -np.expm1(np.log1p(-above[1:]).sum(axis=0))  # (G,)
    return float(density[0] @ beaten * STEP)


def _densities(shape: NDArray[np.float64], log_x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the logarithm of a Gamma variate of each shape; [K, G], each row summing to 1 / STEP."""
    exponent = shape[:, None] * log_x - np.exp(log_x)
    density = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return np.asarray(density / (density.sum(axis=1, keepdims=True) * STEP))
