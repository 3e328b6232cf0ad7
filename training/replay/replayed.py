"""What a policy did on recorded answers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats


@dataclass(frozen=True, eq=False)
class Replayed:
    """The end of N prompts.

    Args:
        model: int64 [N], whose answer it was; -1 where it abstained.
        quality: float64 [N]; NaN where it abstained.
        cost_usd: float64 [N], of every call made.
        latency_s: float64 [N]: of each wave of calls the longest, summed.
        calls: int64 [N, M], how often each model was called.
        reason: N short codes.
    """

    model: NDArray[np.int64]
    quality: Floats
    cost_usd: Floats
    latency_s: Floats
    calls: NDArray[np.int64]
    reason: tuple[str, ...]

    @property
    def abstained(self) -> NDArray[np.bool_]:
        """Where there is no answer, [N]."""
        return self.model < 0
