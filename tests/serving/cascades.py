"""Cascades over birds that answer from a script or from a recording; prices are in `birds.py`."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from anabranch.data.answers import AnswerKind, canonical
from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.data.token_signals import token_signals
from anabranch.routers.costing import Costing
from anabranch.routers.deferral.answered import Answered, Signal, with_signals
from anabranch.routers.deferral.automix import AutoMix
from anabranch.routers.deferral.best_of_infinity import BestOfInfinity
from anabranch.routers.deferral.budget_guard import BudgetGuard
from anabranch.routers.deferral.cascade_routing import CascadeRouting
from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.consistency import Consistency
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.gaussian_belief import GaussianBelief
from anabranch.routers.deferral.model_switch import ModelSwitch
from anabranch.routers.deferral.plan import Plan, Stop
from anabranch.routers.deferral.robon import RoBoN
from anabranch.routers.deferral.scorer import Scorer
from anabranch.routers.deferral.semantic_agreement import SemanticAgreement
from anabranch.routers.deferral.signal_maps import Sigmoid, Steps
from anabranch.routers.deferral.speculative import Speculative
from anabranch.routers.deferral.suitable_chain import SuitableChain
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.routers.deferral.time_sharing import TimeSharing
from anabranch.routers.deferral.unsure_pair import UnsurePair
from anabranch.routers.deferral.weighted_vote import WeightedVote
from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.argmax_utility import ArgmaxUtility
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Router
from anabranch.serving.strategies.cascade import Cascade
from tests.serving.birds import BIRDS, USD_PER_TOKEN, Bird, Say

CHAIN = ThresholdChain((0, 1, 2), (-0.5, -0.5), "logprob_mean")
SURE, UNSURE = (-0.1,), (-2.0,)
Got = TypeVar("Got")


PLAN_FIELDS = ("signals", "usual_cost_usd", "answers", "router", "tradeoff")


def plan(*policies: Deferral, **fields: Any) -> Plan:
    """Over all birds; of rising cost, as far as anybody looks."""
    stops = tuple(Stop(policy, 0.5, float(place)) for place, policy in enumerate(policies or (CHAIN,)))
    return Plan("birds", BIRDS, stops, **fields)


def cascade(*policies: Deferral, **options: Any) -> Cascade:
    """Of a plan; options are its fields and those of the cascade."""
    fields = {name: options.pop(name) for name in PLAN_FIELDS if name in options}
    return Cascade(plan(*policies, **fields), **options)


def birds(wren: Say, jay: Say, owl: Say) -> dict[str, Bird]:
    return {name: Bird(name, [say]) for name, say in zip(BIRDS, (wren, jay, owl), strict=True)}


def run(work: Coroutine[Any, Any, Got]) -> Got:
    return asyncio.run(asyncio.wait_for(work, 5))


ROWS, SAMPLES = 12, 4
TEXTS = tuple(f"question {row}" for row in range(ROWS))
RNG = np.random.default_rng(0)
WORDS = RNG.choice(["4", "5", "no"], (ROWS, 3, SAMPLES), p=[0.6, 0.3, 0.1])
KIND: AnswerKind = "number"
LENGTHS = RNG.integers(1, 5, (ROWS, 3, SAMPLES))
LOGPROBS = RNG.uniform(-1.2, 0, (ROWS, 3, SAMPLES, 4))


def logprobs_at(cell: tuple[int, int, int]) -> list[float]:
    return [float(value) for value in LOGPROBS[cell][: LENGTHS[cell]]]


def said_at(cell: tuple[int, ...]) -> str:
    """A word again and again; `no` is no number."""
    return " ".join([str(WORDS[cell])] * int(LENGTHS[cell]))


def score(answers: Sequence[Answered]) -> NDArray[np.float32]:
    """Of a made-up network: the parts of a third that the letters of prompt and answer leave; nothing of a `no`."""
    letters = [len(one.prompt) + 2 * len(one.answer) for one in answers]
    unread = [one.answer.startswith("no") for one in answers]
    return np.where(unread, np.nan, np.array(letters) % 5 / 3).astype(np.float32)


SIGNALS: tuple[Signal, ...] = (
    Scorer("scorer", "words", score),
    Chance("chance", "logprob_mean", (Sigmoid(2.0, 1.0), Steps((-1.0, -0.4), (0.2, 0.7)), Sigmoid(1.0, 1.5))),
    Chance("sure", "scorer", (Steps((0.0, 0.5), (0.1, 0.8)),) * 3),
)


def recorded() -> ReplayTable:
    shape = WORDS.shape
    cells = list(np.ndindex(shape))
    signals = {name: np.zeros(shape) for name in ("logprob_mean", "logprob_min", "logprob_sum", "tokens")}
    for cell in cells:
        found = token_signals(logprobs_at(cell))
        for name, values in signals.items():
            values[cell] = found[name]
    number: dict[str | None, int] = {"4": 0, "5": 1, None: NO_KEY}
    table = ReplayTable.from_arrays(
        BIRDS,
        np.ones(shape),
        cost_usd=LENGTHS * np.array(list(USD_PER_TOKEN.values()))[:, None],
        latency_s=np.full(shape, 0.5),
        key=np.array([number[canonical(said_at(cell), KIND)] for cell in cells]).reshape(shape),
        signals=signals,
        texts=TEXTS,
    )
    known = [{name: float(np.float32(values[cell])) for name, values in signals.items()} for cell in cells]
    answers = [Answered(cell[1], TEXTS[cell[0]], said_at(cell), here) for cell, here in zip(cells, known, strict=True)]
    worked_out = with_signals(SIGNALS, answers)
    for signal in SIGNALS:
        cells_of = [one.signals.get(signal.name, np.nan) for one in worked_out]
        table = table.with_signal(signal.name, np.array(cells_of).reshape(shape))
    return table


def estimate(texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
    """Of wren and owl; how good depends on the number of the question, and of the jay nothing is known."""
    rows = np.array([TEXTS.index(text) for text in texts])
    quality = np.stack([0.3 + 0.05 * rows, np.full(len(rows), np.nan), 0.95 - 0.02 * rows], axis=1).astype(np.float32)
    return Estimates(quality, np.full_like(quality, 2), np.zeros_like(quality))


ROUTER = Router(
    "birds",
    BIRDS,
    estimate,
    Costing("completion_tokens", (0.0,) * 3, (1.0, 4.0, 16.0), (0.25,) * 3),
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
    "automix": AutoMix((0, 2), (False, True), signal="none", always=("5", 1)),
    "best of infinity": BestOfInfinity((0, 1, 2), bayes_factor=20.0, checks=(1, 3, 4)),
    "budget": BudgetGuard(CHAIN, max_cost_usd=48.0),
    "cascade routing": CascadeRouting((0, 1, 2), BELIEF, lam=0.005),
    "chain": CHAIN,
    "chances": ThresholdChain((0, 1, 2), (0.45, 0.5), "chance"),
    "consistency": Consistency((0, 2), samples=3, tau=0.6),
    "fuse all": FuseAll((0, 1, 2), 2, WeightedVote((0.5, 0.2, 1.0))),
    "model switch": ModelSwitch((0, 1, 2), samples=2, weighted=True),
    "robon": RoBoN((0, 1, 2), calls=4, signal="logprob_mean"),
    "routing": CascadeRouting((0, 1, 2), BELIEF, lam=0.005, max_depth=1),
    "scored": ThresholdChain((0, 1, 2), (1 / 3, 2 / 3), "scorer"),
    "scored chances": RoBoN((0, 1, 2), calls=4, signal="sure"),
    "semantic agreement": SemanticAgreement((0, 1, 2)),
    "speculative": Speculative((0, 2), 0.45, "chance", Steps((0.0, 0.5), (0.2, 0.9)), wait_s=2.0, usd_per_s=5.0),
    "suitable chain": SuitableChain((0, 1, 2), -0.5, 0.45, "chance"),
    "time sharing": TimeSharing(CHAIN, ThresholdChain((1, 2), (-0.3,), "logprob_min"), share=0.5),
    "unsure pair": UnsurePair((0, 1, 2), lam=0.005, delta=0.4, threshold=0.45, signal="chance"),
}
FORESEEN = {
    "automix",
    "budget",
    "chain",
    "chances",
    "consistency",
    "routing",
    "scored",
    "semantic agreement",
    "speculative",
    "suitable chain",
    "time sharing",
    "unsure pair",
}
