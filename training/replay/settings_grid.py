"""Many settings of a policy, and which of them is best under a budget."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from anabranch.training.replay.two_stage import best_within

Floats = NDArray[np.float64]


class SettingsGrid(NamedTuple):
    """K settings of P numbers, and the means over prompts that each reaches.

    Args:
        settings: float64 [K, P].
        quality: float64 [K].
        cost_usd: float64 [K], of all calls made.
    """

    settings: Floats
    quality: Floats
    cost_usd: Floats

    @classmethod
    def joined(cls, grids: Iterable[Self]) -> Self:
        """The settings of several grids."""
        return cls(*(np.concatenate(parts) for parts in zip(*grids, strict=True)))

    def undominated(self) -> Self:
        """Settings of rising cost, each better than all that cost no more."""
        order = np.lexsort((-self.quality, self.cost_usd))
        best = np.maximum.accumulate(self.quality[order])
        kept = order[np.append(True, best[1:] > best[:-1])]
        return type(self)(*(values[kept] for values in self))

    def under(self, budgets: Iterable[float]) -> Iterator[tuple[float, ...]]:
        """Under each budget, mean USD of a prompt, the best setting, of equals the cheapest; none where all cost more.

        >>> grid = SettingsGrid(np.array([[0.1], [0.2]]), np.array([0.5, 0.75]), np.array([1.0, 3.0]))
        >>> list(grid.under([0.5, 2.0, 4.0]))
        [(0.1,), (0.2,)]
        """
        for budget in budgets:
            place = best_within(self.quality, self.cost_usd, budget)
            if place is not None:
                yield tuple(self.settings[place].tolist())
