"""What calls are taken to cost where that is not known."""

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.state import Floats


def priced(cost_usd: Floats) -> NDArray[np.float64]:
    """Costs [..., L] in which the unknown ones are as dear as the dearest; if none is known, all are free.

    >>> priced(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])).tolist()
    [[1.0, 3.0, 3.0], [0.0, 0.0, 0.0]]
    """
    known, unknown = np.asarray(cost_usd, np.float64), np.isnan(cost_usd)
    if not unknown.any():
        return known
    return np.where(unknown, np.nan_to_num(np.fmax.reduce(known, axis=-1, keepdims=True)), known)
