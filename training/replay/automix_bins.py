"""What a small and a large model did, by how often the small one found itself right: all that AutoMix needs to know."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.automix import bin_of

Sets = NDArray[np.bool_]


class Mean(NamedTuple):
    """Mean quality and mean cost over prompts."""

    quality: float
    cost_usd: float


@dataclass(frozen=True, eq=False)
class Bins:
    """Sums over prompts in B + 1 bins.

    A prompt with several samples of the small model counts in parts, one a sample, as any of them may come first; of
    the large model it counts the mean. Prompts whose answer always escalates are in `total`, `kept` and the two models
    alone, and in no bin.

    Args:
        prompts: float [B + 1].
        gain: float [B + 1], how much better the large model is.
        extra_usd: float [B + 1], what it costs.
        kinds: float [B + 1, 3], prompts that are needy (the large model is better), good (both are as good, and not
            worthless) and hopeless (both are among their worst tenth); some are none of these.
        total: prompts.
        kept: if no bin escalates.
        small: the small model alone.
        large: the large model alone.
    """

    prompts: Floats
    gain: Floats
    extra_usd: Floats
    kinds: Floats
    total: float
    kept: Mean
    small: Mean
    large: Mean

    def reached(self, sets: Sets) -> tuple[Floats, Floats]:
        """Mean quality and mean cost if the bins of each set [F, B + 1] escalate; both [F]."""
        return (
            np.asarray(self.kept.quality + sets @ self.gain / self.total),
            np.asarray(self.kept.cost_usd + sets @ self.extra_usd / self.total),
        )


def automix_bins(
    table: ReplayTable, models: tuple[int, int], *, bins: int, signal: str, always: Sequence[int] = ()
) -> Bins:
    """Sort recorded answers of a small and a large model into bins; what lacks quality or cost is left out.

    Args:
        table: prompts.
        models: numbers of the small and the large one.
        bins: B.
        signal: name of the share of self-checks that said correct; where it is not known it counts as 0.
        always: keys that escalate whatever the check says.

    Raises:
        ValueError: no prompt has answers of both models with quality and cost.
    """
    small, large = models
    usable = ~np.isnan(table.quality) & ~np.isnan(table.cost_usd)  # (N, M, R)
    row, sample = np.nonzero(usable[:, small] & usable[:, large].any(axis=1, keepdims=True))
    if not row.size:
        names = [table.models[model] for model in models]
        raise ValueError(f"no prompt has answers of both {names[0]!r} and {names[1]!r} with quality and cost")
    weight = 1.0 / np.bincount(row)[row]
    own = [np.asarray(cells[row, small, sample], np.float64) for cells in (table.quality, table.cost_usd)]
    other = [_mean(cells[:, large], usable[:, large])[row] for cells in (table.quality, table.cost_usd)]
    escalates = np.isin(table.key[row, small, sample], list(always))
    shares = table.signals[signal][row, small, sample] if signal in table.signals else np.zeros(len(row))
    place = _bins_of(shares, bins)

    def binned(values: Floats) -> Floats:
        own_bin, parts = place[~escalates], (weight * values)[~escalates]
        return np.bincount(own_bin, parts, minlength=bins + 1).astype(np.float64)

    def mean(quality: Floats, cost_usd: Floats) -> Mean:
        return Mean(*(float(np.average(each, weights=weight)) for each in (quality, cost_usd)))

    return Bins(
        prompts=binned(np.ones(len(row))),
        gain=binned(other[0] - own[0]),
        extra_usd=binned(other[1]),
        kinds=np.stack([binned(kind) for kind in _kinds(own[0], other[0])], axis=1),
        total=float(weight.sum()),
        kept=mean(np.where(escalates, other[0], own[0]), own[1] + np.where(escalates, other[1], 0.0)),
        small=mean(*own),
        large=mean(*other),
    )


def _mean(cells: Floats, usable: NDArray[np.bool_]) -> Floats:
    """Over the usable samples of each prompt; [N], NaN without any."""
    count = usable.sum(axis=1)
    total = np.where(usable, cells, 0.0).sum(axis=1, dtype=np.float64)
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def _bins_of(shares: Floats, bins: int) -> NDArray[np.int64]:
    values, place = np.unique(shares, return_inverse=True)
    return np.array([bin_of(float(value), bins) for value in values], np.int64)[place]


def _kinds(small: Floats, large: Floats) -> tuple[Floats, Floats, Floats]:
    needy = large > small
    good = (large == small) & (small != 0)
    worst = (small <= np.quantile(small, 0.1)) & (large <= np.quantile(large, 0.1))
    return needy.astype(np.float64), good.astype(np.float64), (worst & ~needy & ~good).astype(np.float64)
