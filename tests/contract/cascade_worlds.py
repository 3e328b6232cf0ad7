"""Worlds of recorded answers in which the gain of a cascade over mixes of single models can be worked out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.training.cascades.recipe import Ground
from anabranch.training.metrics.hull import ndch

Floats = NDArray[np.float64]

WRONG = 10
"""From which on wrong answers have keys, each its own on a prompt: they never agree."""


@dataclass(frozen=True, eq=False)
class CascadeWorld:
    """Recorded answers, and what the cascade gains that the world is made for.

    Args:
        ground: N prompts, M models.
        singles: expected quality of each model, [M]; the costs are those of the ground.
        gain: by how much the cascade exceeds the best mix of single models at its own cost; expected by the world's
            formula.
    """

    ground: Ground
    singles: tuple[float, ...]
    gain: float

    def mixed(self, cost_usd: ArrayLike) -> Floats:
        """Expected quality of the best mix of single models at each mean cost; NaN below the cheapest."""
        return ndch(self.ground.cost_usd, self.singles)(cost_usd)


MakeCascade = Callable[..., CascadeWorld]


def sure_world(seed: int, prompts: int = 1000) -> CascadeWorld:
    """A small model that knows when it is right, a dud, and a large model; calls cost 1, 4 and 12.

    Half of the prompts are easy. The small model is right on 0.95 of those and 0.15 of the others, the dud on 0.3 of
    all, the large one on 0.95 of all. How sure the small one is tells which half it is; of the others it tells nothing.

    Mixes lie on 0.55 at 1 to 0.95 at 12. To go on to the large model with hard prompts is right on 0.95 of all for
    1 + 12 / 2 = 7, where a mix has 0.55 + 0.4 * 6 / 11.
    """
    rng = np.random.default_rng(seed)
    easy = rng.random(prompts) < 0.5
    chance = np.stack([np.where(easy, 0.95, 0.15), np.full(prompts, 0.3), np.full(prompts, 0.95)], axis=1)
    sure = np.stack([np.where(easy, -0.2, -2.0), *np.full((2, prompts), -1.0)], axis=1)
    sure += rng.uniform(-0.1, 0.1, sure.shape)
    return _world(rng, seed, chance, [1, 4, 12], 0.95 - (0.55 + 0.4 * 6 / 11), sure=sure)


def agreeing_world(seed: int, prompts: int = 800) -> CascadeWorld:
    """A small and a large model, 1 and 6, five samples each, that agree with themselves where they are right.

    Half of the prompts are easy for the small model, which is right on 0.9 of its samples there and on 0.1 elsewhere;
    the large one is right on 0.7 of all samples.

    Two of three samples of the small model agree, and are right, on a = 0.972 of easy and 0.028 of hard prompts, half
    of all; the rest goes on, for 3 + 6 / 2 = 6, where no mix has more than 0.7. One sample of the large model is then
    right on 0.7, and three of them, in a vote, on more.
    """
    rng = np.random.default_rng(seed)
    easy = rng.random(prompts) < 0.5
    chance = np.stack([np.where(easy, 0.9, 0.1), np.full(prompts, 0.7)], axis=1)
    kept = (two_of_three(0.9) + two_of_three(0.1)) / 2
    return _world(rng, seed, chance, [1, 6], kept + (1 - kept) * 0.7 - 0.7, samples=5)


def voting_world(seed: int, prompts: int = 300) -> CascadeWorld:
    """Two models at 1 and 20, five samples each, right on 0.6 and 0.8 of the samples of every prompt.

    Five samples of the small model have two right ones, and so a majority that is right, but for
    0.4^5 + 5 * 0.6 * 0.4^4, for 5; a mix has 0.6 + 0.2 * 4 / 19 there.
    """
    rng = np.random.default_rng(seed)
    leads = 1 - 0.4**5 - 5 * 0.6 * 0.4**4
    chance = np.tile([0.6, 0.8], (prompts, 1))
    return _world(rng, seed, chance, [1, 20], leads - (0.6 + 0.2 * 4 / 19), samples=5)


def small_ones_world(seed: int, prompts: int = 1000) -> CascadeWorld:
    """Two small models at 1 that agree where they are right, and a big one at 20.

    Half of the prompts are easy: a small model is right on 0.95 of them and on 0.05 of the others, the big one on 0.95
    of all. Both small ones are right on (0.95^2 + 0.05^2) / 2 of all, and the rest goes on.
    """
    rng = np.random.default_rng(seed)
    easy = rng.random(prompts) < 0.5
    small = np.where(easy, 0.95, 0.05)
    kept = (0.95**2 + 0.05**2) / 2
    cost_usd = 2 + 20 * (1 - kept)
    gain = kept + (1 - kept) * 0.95 - (0.5 + 0.45 * (cost_usd - 1) / 19)
    return _world(rng, seed, np.stack([small, small, np.full(prompts, 0.95)], axis=1), [1, 1, 20], gain)


def rewarded_world(seed: int, prompts: int = 300) -> CascadeWorld:
    """Models at 1, 1.25 and 20, four samples each, right on 0.4, 0.45 and 0.7 of them; what is right looks better.

    Of four calls of the first two, three or more of which may fall to either, one is right but for 0.6^3 * 0.55 at
    most, for 1 + 3 * 1.25 = 4.75 at most, where a mix has 0.45 + 0.25 * 3.5 / 18.75.
    """
    rng = np.random.default_rng(seed)
    chance = np.tile([0.4, 0.45, 0.7], (prompts, 1))
    gain = 1 - 0.6**3 * 0.55 - (0.45 + 0.25 * 3.5 / 18.75)
    return _world(rng, seed, chance, [1, 1.25, 20], gain, samples=4)


def foreseen_world(seed: int, prompts: int = 600) -> CascadeWorld:
    """A router knows half of the prompts to be hard, and the small model's answers tell of the rest; calls cost 1, 10.

    The small model is right on 0.05 of hard prompts and 0.6 of the others, the large one on 0.95 of all; right answers
    look better. Hard prompts go to the large model at once, and of the others 0.4 after the small one has tried:
    0.475 + (0.6 + 0.4 * 0.95) / 2 for 5 + (1 + 4) / 2 = 7.5. Mixes lie on 0.325 at 1 to 0.95 at 10.
    """
    rng = np.random.default_rng(seed)
    small = np.where(rng.random(prompts) < 0.5, 0.05, 0.6)
    chance = np.stack([small, np.full(prompts, 0.95)], axis=1)
    gain = 0.475 + (0.6 + 0.4 * 0.95) / 2 - (0.325 + 0.625 * 6.5 / 9)
    return _world(rng, seed, chance, [1, 10], gain, estimates=chance)


def timed_world(seed: int, prompts: int = 600) -> CascadeWorld:
    """A router knows half of the prompts to be hard, and calls cost 1 and 10 and take 1 s and 2 s.

    The small model is right on 0.05 of hard prompts and 0.8 of the others, the large one on 0.95 of all; right answers
    look better. A chain keeps what is right. Where a second is worth 2 USD, both are called at once with hard prompts
    alone: that wastes 0.05 * 10 there, and saves 1 s on 0.95 of them. They cost 11 and are right on 0.05 + 0.95 * 0.95;
    the others cost 1 + 0.2 * 10 and are right on 0.8 + 0.2 * 0.95. Mixes lie on 0.425 at 1 to 0.95 at 10.
    """
    rng = np.random.default_rng(seed)
    small = np.where(rng.random(prompts) < 0.5, 0.05, 0.8)
    chance = np.stack([small, np.full(prompts, 0.95)], axis=1)
    gain = (0.05 + 0.95 * 0.95 + 0.8 + 0.2 * 0.95) / 2 - (0.425 + 0.525 * 6 / 9)
    world = _world(rng, seed, chance, [1, 10], gain, estimates=chance)
    latency_s = np.broadcast_to(np.array([[1.0], [2.0]], np.float32), (prompts, 2, 1))
    return replace(world, ground=replace(world.ground, table=replace(world.ground.table, latency_s=latency_s)))


def two_of_three(chance: float) -> float:
    """How likely two or more of three are right."""
    return 3 * chance**2 * (1 - chance) + chance**3


def _world(
    rng: np.random.Generator,
    seed: int,
    chance: Floats,
    cost_usd: Sequence[float],
    gain: float,
    *,
    samples: int = 1,
    sure: Floats | None = None,
    estimates: Floats | None = None,
) -> CascadeWorld:
    """Answers that are right with `chance` [N, M]; what `sure` [N, M] does not say, being right does."""
    shape = (*chance.shape, samples)
    quality = rng.random(shape) < chance[:, :, None]
    looks = np.where(quality, -0.5, -1.5) + rng.uniform(-0.3, 0.3, shape)
    own = np.arange(WRONG, WRONG + chance.shape[1] * samples).reshape(shape[1:])
    table = ReplayTable.from_arrays(
        [f"model{number}" for number in range(chance.shape[1])],
        quality,
        cost_usd=np.broadcast_to(np.array(cost_usd)[:, None], shape),
        key=np.where(quality, 0, own),
        signals={"logprob_mean": looks if sure is None else sure[:, :, None]},
        texts=[f"{seed} {row}" for row in range(len(chance))],
    )
    # each kind of prompt is as common as any other
    singles = tuple(float(np.unique(chance[:, model]).mean()) for model in range(shape[1]))
    return CascadeWorld(Ground(table, (), estimates, np.array(cost_usd, np.float64), seed=0), singles, gain)
