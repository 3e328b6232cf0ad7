"""A few of many values."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Value = TypeVar("Value")


def evenly(values: Sequence[Value], most: int) -> list[Value]:
    """At most `most` of the values, evenly spaced; the last one always, the first one if more than one is left.

    Args:
        values: in their order.
        most: at least 1.

    >>> evenly([1, 2, 3, 4, 5], 3), evenly([1, 2, 3], 1), evenly([1, 2], 3)
    ([1, 3, 5], [3], [1, 2])
    """
    count = min(most, len(values))
    places = np.linspace(len(values) - 1, 0, count).round().astype(int)
    return [values[place] for place in places[::-1]]
