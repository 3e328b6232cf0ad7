"""Estimates written out by hand."""

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Floats


def estimates_of(quality: list[list[float]], spread: list[list[float]] | None = None) -> Estimates[Floats]:
    """Estimates [B, A] whose usage is unknown and whose spread is 0 if not given."""
    known = np.array(quality)
    return Estimates(known, np.full(known.shape, np.nan), np.zeros(known.shape) if spread is None else np.array(spread))
