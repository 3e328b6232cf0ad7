"""Cascades over birds that answer from a script or from a recording; prices are in `birds.py`."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import numpy as np

from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.data.token_signals import token_signals
from anabranch.routers.costing import Costing
from anabranch.routers.deferral.automix import AutoMix
from anabranch.routers.deferral.best_of_infinity import BestOfInfinity
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.model_switch import ModelSwitch
from anabranch.routers.deferral.robon import RoBoN
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Router
from anabranch.serving.strategies.cascade import Cascade
from tests.serving.birds import BIRDS, USD_PER_TOKEN, Bird, Say

CHAIN = ThresholdChain((0, 1, 2), (-0.5, -0.5), "logprob_mean")
SURE, UNSURE = (-0.1,), (-2.0,)
Got = TypeVar("Got")


def cascade(policy: Deferral = CHAIN, **options: Any) -> Cascade:
    return Cascade(policy, BIRDS, logprobs=True, **options)


def birds(wren: Say, jay: Say, owl: Say) -> dict[str, Bird]:
    return {name: Bird(name, [say]) for name, say in zip(BIRDS, (wren, jay, owl), strict=True)}


def run(work: Coroutine[Any, Any, Got]) -> Got:
    return asyncio.run(asyncio.wait_for(work, 5))


ROWS, SAMPLES = 12, 4
TEXTS = tuple(f"question {row}" for row in range(ROWS))
RNG = np.random.default_rng(0)
WORDS = RNG.choice(["a", "b", "c"], (ROWS, 3, SAMPLES), p=[0.6, 0.3, 0.1])
LENGTHS = RNG.integers(1, 5, (ROWS, 3, SAMPLES))
LOGPROBS = RNG.uniform(-1.2, 0, (ROWS, 3, SAMPLES, 4))


def logprobs_at(cell: tuple[int, int, int]) -> list[float]:
    return [float(value) for value in LOGPROBS[cell][: LENGTHS[cell]]]


def key_of(text: str) -> str | None:
    """The first word; c is unreadable."""
    return None if text.startswith("c") else text[0]


def recorded() -> ReplayTable:
    shape = WORDS.shape
    signals = {name: np.zeros(shape) for name in ("logprob_mean", "logprob_min", "logprob_sum", "tokens")}
    for cell in np.ndindex(shape):
        found = token_signals(logprobs_at(cell))
        for name, values in signals.items():
            values[cell] = found[name]
    number = {"a": 0, "b": 1, "c": NO_KEY}
    return ReplayTable.from_arrays(
        BIRDS,
        np.ones(shape),
        cost_usd=LENGTHS * np.array(list(USD_PER_TOKEN.values()))[:, None],
        latency_s=np.full(shape, 0.5),
        key=[[[number[word] for word in model] for model in row] for row in WORDS],
        signals=signals,
        texts=TEXTS,
    )


def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
    """Wren and owl only; how good depends on the number of the question."""
    rows = np.array([TEXTS.index(text) for text in texts])
    quality = np.stack([0.3 + 0.05 * rows, 0.95 - 0.02 * rows], axis=1).astype(np.float32)
    return Estimates(quality, np.full_like(quality, 2), np.zeros_like(quality))


ROUTER = Router(
    "two",
    ("wren", "owl"),
    estimate,
    Costing("completion_tokens", (0.0, 0.0), (1.0, 16.0), (0.25, 0.25)),
    ArgmaxUtility(0.01),
    0.9,
    "calibrated",
)
COVARIANCE = np.kron(np.array([[0.1, 0.05], [0.05, 0.2]]), np.eye(3)) + 0.02
BELIEF = GaussianBelief(
    ("logprob_mean",),
    (0.5,) * 3,
    (0.5,) * 3 + (-0.6,) * 3,
    tuple(map(tuple, np.vstack([np.eye(3), np.zeros((3, 3))]).tolist())),
    tuple(map(tuple, COVARIANCE.tolist())),
)
POLICIES: dict[str, Deferral] = {
    "automix": AutoMix((0, 2), (False, True), signal="none", always=("b", 1)),
    "best of infinity": BestOfInfinity((0, 1, 2), bayes_factor=20.0, checks=(1, 3, 4)),
    "budget": BudgetGuard(CHAIN, max_cost_usd=48.0),
    "cascade routing": CascadeRouting((0, 1, 2), BELIEF, lam=0.005),
    "chain": CHAIN,
    "consistency": Consistency((0, 2), samples=3, tau=0.6),
    "model switch": ModelSwitch((0, 1, 2), samples=2, weighted=True),
    "robon": RoBoN((0, 1, 2), calls=4, signal="logprob_mean"),
    "routing": CascadeRouting((0, 1, 2), BELIEF, lam=0.005, max_depth=1),
    "semantic agreement": SemanticAgreement((0, 1, 2)),
    "time sharing": TimeSharing(CHAIN, ThresholdChain((1, 2), (-0.3,), "logprob_min"), share=0.5),
}
FORESEEN = {"automix", "budget", "chain", "consistency", "routing", "semantic agreement", "time sharing"}
