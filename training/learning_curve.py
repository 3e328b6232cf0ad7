"""How quality grows with the number of labelled prompts: which subsets to train on, and what their routers achieved.

A curve of R bootstrap replicates counts two kinds of luck: which test prompts there are, and, where a size was drawn
several times, which train prompts (the draws are drawn again too, as far as so few can show it).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.outcomes import Outcomes
from anabranch.training.ground import Ground
from anabranch.training.metrics.curve import bootstrap_curve
from anabranch.training.report.contents import Interval, LearningCurve, LearningRow
from anabranch.training.report.notation import interval
from anabranch.training.verdict import SMALLEST_GAIN

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SHARES = (1 / 16, 1 / 8, 1 / 4, 1 / 2)
DRAWS = 3
FEWEST = 10  # prompts; what is trained on fewer says nothing


@dataclass(frozen=True, eq=False)
class Subset:
    """Train prompts to learn from.

    Args:
        share: of all train prompts, 1 / 2 or 1 / 4 and so on.
        draw: subsets of one draw lie in each other.
        rows: int64, rows of the train prompts, ascending.
    """

    share: float
    draw: int
    rows: Ints


@dataclass(frozen=True, eq=False)
class Trial:
    """What a router that learnt from a share of the prompts chose for the n test prompts.

    Args:
        share: of the train prompts.
        prompts: how many these were.
        choice: int64 [n], the arm at its own calibrated trade-off.
        best: int64 [n], the arm at trade-off 1.
    """

    share: float
    prompts: int
    choice: Ints
    best: Ints


def subsets(
    train: Outcomes, groups: ArrayLike, *, shares: Sequence[float] = SHARES, draws: int = DRAWS, seed: int = 0
) -> tuple[Subset, ...]:
    """Nested random subsets of the train prompts, smallest first; those without labels of some arm are left out.

    Args:
        train: N prompts, A arms.
        groups: int64 [N]; prompts that ask the same come together, as they do in splits.
        shares: of the prompts, each below 1.
        draws: subsets of each share.
        seed: of the draws.

    >>> table = Outcomes.from_arrays(["a"], [[1.0]] * 40)
    >>> [len(one.rows) for one in subsets(table, np.arange(40), draws=1)]
    [10, 20]
    """
    rng = np.random.default_rng(seed)
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    # (draws, N): the rows in the order in which they join
    orders = [np.argsort(rng.permutation(group.max() + 1)[group], kind="stable") for _ in range(draws)]
    found = [
        Subset(share, draw, np.sort(order[: _whole_groups(group[order], share)]))
        for share in sorted(shares)
        for draw, order in enumerate(orders)
    ]
    return tuple(one for one in found if len(one.rows) >= FEWEST and _every_arm_known(train.take(one.rows)))


def _whole_groups(group: Ints, share: float) -> int:
    """How many of the rows to take, so that no group [N] is torn and the share is reached."""
    last = group[max(0, int(np.ceil(share * len(group))) - 1)]
    return int(np.flatnonzero(group == last)[-1]) + 1


def _every_arm_known(table: Outcomes) -> bool:
    priced = not table.has_cost or not np.isnan(table.cost_usd).all(axis=0).any()
    return priced and not np.isnan(table.quality).all(axis=0).any()


def learning_curve(
    trials: Sequence[Trial], ground: Ground, *, validation: int, seed: int = 0, notes: Sequence[str] = ()
) -> LearningCurve:
    """The figures of each size, and what the last doubling gained.

    Args:
        trials: of every size, the whole (share 1) among them.
        ground: what they are measured on and against.
        validation: prompts that chose each router's trade-off.
        seed: of the draws of draws.
        notes: what a reader must know.
    """
    shares = sorted({trial.share for trial in trials})
    sizes = [_Size.measured([one for one in trials if one.share == share], ground, seed) for share in shares]
    doubling = _Doubling.of(sizes, ground) if 0.5 in shares and 1.0 in shares else None
    word, because = ("unknown", _TOO_FEW) if doubling is None else doubling.judged()
    return LearningCurve(
        rows=tuple(size.row(ground) for size in sizes),
        best_single=ground.paired.interval(ground.arms.quality[:, ground.best]),
        validation=validation,
        word=word,
        because=because,
        last_doubling=None if doubling is None else doubling.gain,
        last_doubling_at_1=None if doubling is None else doubling.at_1,
        notes=tuple(notes),
    )


@dataclass(frozen=True, eq=False)
class _Size:
    """One size in every bootstrap row, each [1 + R].

    Args:
        share: of the train prompts.
        prompts: mean number.
        quality: at the calibrated trade-off.
        cost: likewise; None without costs.
        gain: quality above the bar: the mix at this cost, or the best single arm.
        at_1: quality at trade-off 1.
        each: quality of every draw, on the test prompts as they are.
    """

    share: float
    prompts: int
    quality: Floats
    cost: Floats | None
    gain: Floats
    at_1: Floats
    each: tuple[float, ...] = field(default=())

    @classmethod
    def measured(cls, trials: Sequence[Trial], ground: Ground, seed: int) -> "_Size":
        """The mean over the draws; in a replicate over draws drawn again."""
        choices = np.stack([one.choice for one in trials] + [one.best for one in trials], axis=1)
        curve = bootstrap_curve(ground.paired.counts, ground.table.quality, ground.cost, choices)
        draws, rows = len(trials), len(curve.quality)
        picks = np.random.default_rng(seed).integers(0, draws, (rows, draws))
        picks[0] = np.arange(draws)

        def pooled(columns: Floats) -> Floats:
            return np.asarray(np.take_along_axis(columns, picks, axis=1).mean(axis=1))

        own = curve.quality[:, :draws]
        paid = None if curve.cost_usd is None else curve.cost_usd[:, :draws]
        return cls(
            share=trials[0].share,
            prompts=round(float(np.mean([one.prompts for one in trials]))),
            quality=pooled(own),
            cost=None if paid is None else pooled(paid),
            gain=pooled(np.stack([_above(own[:, d], paid, d, ground) for d in range(draws)], axis=1)),
            at_1=pooled(curve.quality[:, draws:]),
            each=tuple(own[0].tolist()),
        )

    def row(self, ground: Ground) -> LearningRow:
        """With intervals."""
        paired = ground.paired
        return LearningRow(
            share=self.share,
            prompts=self.prompts,
            draws=self.each,
            quality=paired.interval(self.quality),
            cost=None if self.cost is None else paired.interval(self.cost),
            gain=paired.interval(self.gain),
            at_1=paired.interval(self.at_1),
        )


def _above(quality: Floats, paid: Floats | None, draw: int, ground: Ground) -> Floats:
    """Quality [1 + R] above the bar that the verdict sets."""
    bar = ground.bar
    return quality - (bar.best_single if bar.mix is None or paid is None else bar.mix.quality_at(paid[:, draw]))


_TOO_FEW = f"Whether more labels would help is not known: half of the prompts are fewer than {FEWEST}, or lack an arm."


@dataclass(frozen=True)
class _Doubling:
    """What all prompts gained over half of them, paired; both intervals hold together at the level of the report."""

    half: int
    whole: int
    gain: Interval
    at_1: Interval
    bar: str

    @classmethod
    def of(cls, sizes: Sequence[_Size], ground: Ground) -> "_Doubling":
        half, whole = (next(size for size in sizes if size.share == share) for share in (0.5, 1.0))
        paired = ground.paired
        bar = "the best single model" if ground.bar.mix is None else "the best mix of single models at the same cost"
        # rounding error is no gain; adding 0 makes -0 a 0
        gains = (np.round(more - less, 12) + 0.0 for more, less in ((whole.gain, half.gain), (whole.at_1, half.at_1)))
        # two chances to find something, so each interval is wider
        gain, at_1 = (paired.interval(one, (1 + paired.level) / 2) for one in gains)
        return cls(half.prompts, whole.prompts, gain, at_1, bar)

    def judged(self) -> tuple[str, str]:
        """A word and a sentence."""
        if max(self.gain.low, self.at_1.low) > 0:
            word, verdict = "yes", "More labels would probably help."
        elif max(self.gain.high, self.at_1.high) < SMALLEST_GAIN:
            word, verdict = "no", f"Twice as many labels would hardly gain {SMALLEST_GAIN} more."
        else:
            word, verdict = "unclear", "These test prompts cannot tell whether more labels would help."
        grown = f"The last doubling, from {self.half:,} to {self.whole:,} prompts, gained"
        gain, at_1 = interval(self.gain, signed=True), interval(self.at_1, signed=True)
        return word, f"{verdict} {grown} {gain} quality over {self.bar}; at trade-off 1 {at_1}."
