"""Whether to route: one comparison, named before it is run.

The router, at its calibrated trade-off, is compared with the best mix of single arms at the same mean cost: what one
would get without looking at the prompts. The arms of the mix were chosen on train; both sides are measured on the same
test prompts. The gain's one-sided 95 % bootstrap bound decides:

    route              the bound is above 0
    do not route       it is not, and a gain of `smallest_gain` is ruled out by the upper bound, or would have shown in
                       an interval as narrow as this
    not enough data    neither, or fewer than 100 prompts
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.training.paired import Paired
from anabranch.training.report.contents import Interval, Verdict

Floats = NDArray[np.float64]

ALPHA = 0.05
MIN_PROMPTS = 100
SMALLEST_GAIN = 0.02


@dataclass(frozen=True, eq=False)
class Mix:
    """The best mix of single arms, measured in every bootstrap row.

    Args:
        cost: [1 + R, V], mean cost of each vertex, cheapest first.
        quality: [1 + R, V], mean quality of each vertex.
    """

    cost: Floats
    quality: Floats

    def quality_at(self, cost: Floats) -> Floats:
        """The best quality that any mix of at most this mean cost reaches, [1 + R] -> [1 + R].

        Below the cheapest vertex it is that vertex's quality: a router is not excused for being cheaper still.
        """
        return self._along(cost, self.cost, np.maximum.accumulate(self.quality, axis=1))

    def cost_of(self, quality: Floats) -> Floats:
        """The mean cost at which a mix reaches this quality, [1 + R] -> [1 + R]; at most the last vertex's."""
        return self._along(quality, np.maximum.accumulate(self.quality, axis=1), self.cost)

    @staticmethod
    def _along(at: Floats, x: Floats, y: Floats) -> Floats:
        return np.array([np.interp(*row) for row in zip(at, x, y, strict=True)])


@dataclass(frozen=True, eq=False)
class Bar:
    """What a router must beat.

    Args:
        mix: the best mix of single arms; None without costs.
        best_single: [1 + R], mean quality of the best single arm, the bar where there is no mix.
        in_usd: whether costs are USD, so that savings can be counted.
        spent_usd: what the training labels cost; NaN if unknown.
    """

    mix: Mix | None
    best_single: Floats
    in_usd: bool
    spent_usd: float


def verdict(quality: Floats, cost: Floats | None, bar: Bar, paired: Paired) -> Verdict:
    """Judge a router by its mean quality and cost in every bootstrap row, each [1 + R]; cost is None without costs."""
    mixed = None if bar.mix is None or cost is None else bar.mix.quality_at(cost)
    gain = paired.interval(quality - (bar.best_single if mixed is None else mixed), 1 - 2 * ALPHA)
    prompts = paired.counts.shape[1]
    half = (gain.high - gain.low) / 2
    needed = max(MIN_PROMPTS, math.ceil(prompts * (half / SMALLEST_GAIN) ** 2))
    word = word_of(gain, prompts)
    saving = None
    if bar.in_usd and bar.mix is not None and cost is not None:
        saving = float(bar.mix.cost_of(quality)[0] - cost[0])
    return Verdict(
        word=word,
        because=_because(word, gain, prompts, needed, mixed is not None),
        gain=gain,
        prompts=prompts,
        needed=needed,
        smallest_gain=SMALLEST_GAIN,
        saving_usd=saving,
        break_even_requests=_break_even(word, saving, bar.spent_usd),
    )


def word_of(gain: Interval, prompts: int) -> str:
    """The word for a gain whose interval has level 1 - 2 alpha, so that each end is a one-sided bound.

    >>> word_of(Interval(0.03, 0.01, 0.05), 500), word_of(Interval(0.0, -0.01, 0.01), 500)
    ('route', 'do not route')
    """
    half = (gain.high - gain.low) / 2
    if prompts < MIN_PROMPTS:
        return "not enough data"
    if gain.low > 0:
        return "route"
    return "do not route" if min(half, gain.high) <= SMALLEST_GAIN else "not enough data"


def _because(word: str, gain: Interval, prompts: int, needed: int, priced: bool) -> str:
    against = "the best mix of single models at the same cost" if priced else "the best single model"
    figures = f"{gain.value:+.4f} quality against {against}, one-sided 95 % bound {gain.low:+.4f}, {prompts:,} prompts"
    if word == "not enough data":
        return f"{figures}; about {needed:,} prompts would show a gain of {SMALLEST_GAIN}"
    return figures


def _break_even(word: str, saving: float | None, spent_usd: float) -> int | None:
    if word != "route" or saving is None or saving <= 0 or math.isnan(spent_usd):
        return None
    return math.ceil(round(spent_usd / saving, 6))
