"""MinHash: sets that are nearly equal, found without comparing all of them (Broder 1997)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]

HASHES = 100
MISSED = 0.001


@dataclass(frozen=True, eq=False)
class Sets:
    """U sets of whole numbers, as distinct (owner, item) pairs sorted by owner, then item.

    Args:
        owner: int64 [P], the set that a pair belongs to, in [0, U).
        item: int64 [P], not negative.
        count: U; a set without a pair is empty.

    >>> sets = Sets(np.array([0, 0, 1, 1, 1]), np.array([7, 8, 7, 8, 9]), 2)
    >>> round(float(sets.jaccard(np.array([[0, 1]]))[0]), 3)
    0.667
    """

    owner: Ints
    item: Ints
    count: int

    @cached_property
    def sizes(self) -> Ints:
        """The number of items of each set, int64 [U]."""
        return np.bincount(self.owner, minlength=self.count)

    @cached_property
    def _starts(self) -> Ints:
        return np.cumsum(self.sizes) - self.sizes

    @cached_property
    def _items_there_can_be(self) -> int:
        return int(self.item.max(initial=0)) + 1

    @cached_property
    def _pair_numbers(self) -> Ints:
        return self.owner * self._items_there_can_be + self.item

    def jaccard(self, pairs: Ints) -> NDArray[np.float64]:
        """Shared items over all items of each pair of non-empty sets, int64 [K, 2] -> float64 [K]."""
        first, second = pairs.T
        sizes = self.sizes[first]
        row = np.repeat(np.arange(len(pairs)), sizes)
        place = np.arange(len(row)) - (np.cumsum(sizes) - sizes)[row] + self._starts[first][row]
        wanted = second[row] * self._items_there_can_be + self.item[place]
        nearest = np.searchsorted(self._pair_numbers, wanted).clip(max=len(self.item) - 1)
        shared = np.bincount(row, weights=self._pair_numbers[nearest] == wanted, minlength=len(pairs))
        return np.asarray(shared / (sizes + self.sizes[second] - shared))

    def candidates(self, threshold: float, seed: int) -> Iterator[Ints]:
        """Batches of pairs, int64 [K, 2], that hold every pair as alike as `threshold` but one in 1,000.

        Bands of MinHash rows (Leskovec et al., Mining of Massive Datasets, section 3.4): two sets are a
        candidate when all rows of one band agree. A pair may come more than once.
        """
        filled = np.flatnonzero(self.sizes)
        if len(filled) < 2:
            return
        rng = np.random.default_rng(seed)
        rows = rows_per_band(threshold)
        items = self.item.astype(np.uint64)
        for _ in range(HASHES // rows):
            band = np.zeros(len(filled), np.uint64)
            for salt in rng.integers(0, 2**63, rows, dtype=np.uint64):
                band = mixed(band + np.minimum.reduceat(mixed(items ^ salt), self._starts[filled]))
            yield from _equal_pairs(band, filled)


def rows_per_band(threshold: float) -> int:
    """The most rows a band may have for 999 in 1,000 pairs at `threshold` to agree on one band of 100 rows.

    >>> rows_per_band(0.8)
    5
    """
    missed = ((rows, (1 - threshold**rows) ** (HASHES // rows)) for rows in range(10, 1, -1))
    return next((rows for rows, share in missed if share <= MISSED), 1)


def mixed(values: Hashes) -> Hashes:
    """Spread every bit over all 64 (the splitmix64 finaliser, Steele et al. 2014).

    >>> mixed(np.array([0], np.uint64)).tolist()
    [16294208416658607535]
    """
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _equal_pairs(band: Hashes, owner: Ints) -> Iterator[Ints]:
    order = np.argsort(band, kind="stable")
    band, owner = band[order], owner[order]
    left = np.arange(len(band))
    for distance in range(1, len(band)):
        left = left[left + distance < len(band)]
        left = left[band[left] == band[left + distance]]
        if not len(left):
            return
        yield np.stack([owner[left], owner[left + distance]], axis=1)
