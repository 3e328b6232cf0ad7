"""Synthetic worlds whose best possible routing is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats, Outcomes
from anabranch.data.preferences import Preferences

Ints = NDArray[np.int64]

SIZES = {"train": 2000, "validation": 400, "test": 2000}
TOPICS = ("river lake tide flood", "piston axle gear clutch", "sonnet rhyme verse stanza", "proton quark spin boson")
"""Words of four clusters."""


@dataclass(frozen=True, eq=False)
class World:
    """Prompts with recorded outcomes, and what each arm is truly worth on them.

    Args:
        table: N prompts in the splits train, validation and test; A arms.
        embedding: float32 [N, D].
        worth: float64 [N, A], expected quality; in worlds with costs expected utility at `tradeoff`.
        tradeoff: at which worth weighs quality against cost; 1 is quality alone.
        scale_usd: the cost that weighs as much as the whole quality range.
        votes: on the table's prompts, if the world is one of votes.
    """

    table: Outcomes
    embedding: Floats
    worth: Floats
    tradeoff: float = 1.0
    scale_usd: float = 1.0
    votes: Preferences | None = None

    def rows(self, split: str) -> Ints:
        """The rows of a split."""
        return np.flatnonzero(np.array(self.table.splits) == split)

    @property
    def best_single(self) -> float:
        """Mean worth on test of the best arm for all prompts."""
        return float(self.worth[self.rows("test")].mean(axis=0).max())

    @property
    def bayes(self) -> float:
        """Mean worth on test of the best arm for each prompt, the most that any router can expect."""
        return float(self.worth[self.rows("test")].max(axis=1).mean())

    def headroom_recovered(self, arm: Ints) -> float:
        """How far choices on test, int64 [M], go from the best single arm (0) to the Bayes policy (1)."""
        chosen = float(self.worth[self.rows("test"), arm].mean())
        return (chosen - self.best_single) / (self.bayes - self.best_single)

    def recorded_worth(self, rows: Ints, arm: Ints) -> float:
        """Mean worth of choices [n] on rows [n] by their recorded outcomes where known, as calibration sees it."""
        quality = float(np.nanmean(self.table.quality[rows, arm].astype(np.float64)))
        if self.tradeoff == 1:
            return quality
        cost = float(self.table.cost_usd[rows, arm].mean()) / self.scale_usd
        return self.tradeoff * quality - (1 - self.tradeoff) * cost


def linear_world(seed: int, arms: int = 4, width: int = 16, sizes: dict[str, int] = SIZES) -> World:
    """An arm is right with probability sigmoid(linear in the embedding); nothing is known of costs."""
    rng = np.random.default_rng(seed)
    embedding, chance = _linear(rng, arms, width, sizes)
    return World(_table(_drawn(rng, chance), sizes), embedding, chance)


def cost_world(seed: int, arms: int = 4, width: int = 16, sizes: dict[str, int] = SIZES) -> World:
    """As the linear world; arms cost 1 to 2 mUSD times exp(linear in the embedding), give or take 10 %."""
    rng = np.random.default_rng(seed)
    embedding, chance = _linear(rng, arms, width, sizes)
    slopes = rng.normal(0, 0.5 / np.sqrt(width), (width, arms))
    expected_usd = np.linspace(1, 2, arms) * np.exp(embedding @ slopes) * 1e-3
    cost_usd = expected_usd * rng.uniform(0.9, 1.1, expected_usd.shape)
    return _priced(_drawn(rng, chance), chance, expected_usd, cost_usd, embedding, sizes, 0.75)


def cluster_world(seed: int, arms: int = 4, width: int = 16, sizes: dict[str, int] = SIZES) -> World:
    """One cluster an arm: right with probability 0.9 in its own and 0.4 elsewhere; each is a task and has its words."""
    rng = np.random.default_rng(seed)
    cluster, embedding = _clusters(rng, arms, width, sizes)
    chance = np.where(cluster[:, None] == np.arange(arms), 0.9, 0.4)
    table = _table(_drawn(rng, chance), sizes, texts=_texts(rng, cluster), tasks=[f"task{c}" for c in cluster])
    return World(table, embedding, chance)


def matched_world(seed: int, arms: int = 4, width: int = 16, sizes: dict[str, int] = SIZES) -> World:
    """One cluster an arm: the last arm is always right at 4 mUSD, the others only in their own cluster at 1 mUSD."""
    rng = np.random.default_rng(seed)
    cluster, embedding = _clusters(rng, arms, width, sizes)
    chance = np.where(cluster[:, None] == np.arange(arms), 0.95, 0.2)
    chance[:, -1] = 0.95
    cost_usd = np.tile(np.where(np.arange(arms) == arms - 1, 4e-3, 1e-3), (len(cluster), 1))
    return _priced(_drawn(rng, chance), chance, cost_usd, cost_usd, embedding, sizes, 0.5)


def preference_world(seed: int, arms: int = 4, width: int = 4, sizes: dict[str, int] = SIZES) -> World:
    """Bradley-Terry strengths that vary smoothly with a direction; four votes a prompt.

    An arm is worth its chance to beat another arm drawn at random. Recorded quality is the share of its votes that
    it won, unknown if it had none.
    """
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=(sum(sizes.values()), width)).astype(np.float32)
    direction = embedding / np.linalg.norm(embedding, axis=1, keepdims=True)
    strength = direction @ rng.normal(0, 2.0, (width, arms))
    beats = _sigmoid(strength[:, :, None] - strength[:, None, :])  # (N, A, A)
    worth = (beats.sum(axis=2) - 0.5) / (arms - 1)
    prompt = np.repeat(np.arange(len(embedding)), 4)
    arm_a = rng.integers(0, arms, len(prompt))
    arm_b = (arm_a + rng.integers(1, arms, len(prompt))) % arms
    p_b = _drawn(rng, beats[prompt, arm_b, arm_a])
    votes = Preferences(tuple(_names(arms)), prompt, arm_a, arm_b, p_b, np.ones(len(prompt), np.float32))
    return World(_table(_win_shares(votes, len(embedding)), sizes), embedding, worth, votes=votes)


def no_signal_world(
    seed: int, means: tuple[float, ...] = (0.5, 0.5, 0.5, 0.5), width: int = 16, sizes: dict[str, int] = SIZES
) -> World:
    """An arm is right with the same probability on every prompt, whatever its embedding."""
    rng = np.random.default_rng(seed)
    embedding = rng.normal(size=(sum(sizes.values()), width)).astype(np.float32)
    chance = np.tile(np.array(means), (len(embedding), 1))
    return World(_table(_drawn(rng, chance), sizes), embedding, chance)


Make = Callable[..., World]


def _linear(rng: np.random.Generator, arms: int, width: int, sizes: dict[str, int]) -> tuple[Floats, Floats]:
    """Embeddings [N, D] and chances [N, A]; logits have standard deviation 3."""
    embedding = rng.normal(size=(sum(sizes.values()), width)).astype(np.float32)
    return embedding, _sigmoid(embedding @ rng.normal(0, 3 / np.sqrt(width), (width, arms)))


def _clusters(rng: np.random.Generator, clusters: int, width: int, sizes: dict[str, int]) -> tuple[Ints, Floats]:
    """Cluster numbers [N], and embeddings [N, D] near orthogonal centres."""
    centres = np.linalg.qr(rng.normal(size=(width, clusters)))[0].T  # (K, D)
    cluster = rng.integers(0, clusters, sum(sizes.values()))
    noise = rng.normal(0, 0.3 / np.sqrt(width), (len(cluster), width))
    return cluster, (centres[cluster] + noise).astype(np.float32)


def _texts(rng: np.random.Generator, cluster: Ints) -> list[str]:
    """Four words of the cluster's topic and one of any."""
    topics = [topic.split() for topic in TOPICS]
    anything = " ".join(TOPICS).split()
    return [" ".join([*rng.choice(topics[number], 4), rng.choice(anything)]) for number in cluster]


def _priced(
    quality: Floats,
    chance: Floats,
    expected_usd: Floats,
    cost_usd: Floats,
    embedding: Floats,
    sizes: dict[str, int],
    tradeoff: float,
) -> World:
    """A world whose worth is utility at a trade-off, the priciest arm's mean cost being the scale."""
    scale_usd = float(expected_usd.mean(axis=0).max())
    worth = tradeoff * chance - (1 - tradeoff) * expected_usd / scale_usd
    return World(_table(quality, sizes, cost_usd=cost_usd), embedding, worth, tradeoff, scale_usd)


def _table(quality: Floats, sizes: dict[str, int], **columns: Any) -> Outcomes:
    splits = [name for name, size in sizes.items() for _ in range(size)]
    return Outcomes.from_arrays(_names(quality.shape[1]), quality, splits=splits, **columns)


def _win_shares(votes: Preferences, prompts: int) -> Floats:
    won, cast = np.zeros((2, prompts, len(votes.arms)))
    for arm, share in ((votes.arm_b, votes.p_b), (votes.arm_a, 1 - votes.p_b)):
        np.add.at(won, (votes.prompt, arm), share)
        np.add.at(cast, (votes.prompt, arm), 1.0)
    return np.where(cast > 0, won / np.maximum(cast, 1), np.nan)


def _names(arms: int) -> list[str]:
    return [f"arm{number}" for number in range(arms)]


def _drawn(rng: np.random.Generator, chance: Floats) -> Floats:
    """1 with the given chance, else 0."""
    return (rng.random(chance.shape) < chance).astype(np.float32)


def _sigmoid(logits: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-logits)))
