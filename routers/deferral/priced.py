"""What calls are taken to cost where that is not known."""

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.state import Floats


def priced(cost_usd: Floats) -> NDArray[np.float64]:
    """Costs [..., L] in which the unknown ones are as dear as the dearest; if none is known, all are free.

    >>> priced(np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])).tolist()
    [[1.0, 3.0, 3.0], [0.0, 0.0, 0.0]]
    """
    dearest = np.nan_to_num(np.fmax.reduce(cost_usd, axis=-1, keepdims=True))
    return np.where(np.isnan(cost_usd), dearest, np.asarray(cost_usd, np.float64))
