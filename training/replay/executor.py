"""Run a deferral policy over recorded answers, one prompt after another."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import NO_KEY, ReplayTable
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Abstain, Answer, Call, Candidate, State
from anabranch.routers.policies.draws import draws
from anabranch.training.replay.replayed import Replayed

MOST_WAVES = 64


class NotReplayable(ValueError):
    """A policy asked for an answer that nobody recorded."""


class _End(NamedTuple):
    model: int
    quality: float
    cost_usd: float
    latency_s: float
    calls: NDArray[np.int64]
    reason: str


def replay(
    policy: Deferral,
    table: ReplayTable,
    *,
    quality: Floats | None = None,
    cost_usd: Floats | None = None,
    seed: int = 0,
) -> Replayed:
    """What the policy does on every prompt.

    A sample is never used twice, and which comes first is drawn: an answer recorded later is as good as one recorded
    earlier. The draws depend on the prompt's text, the model and the seed, never on the order of prompts.

    Args:
        policy: its models are those of the table.
        table: N prompts, M models.
        quality: float [N, M], a router's estimates; unknown if None.
        cost_usd: float [N, M], expected cost of a call; each model's mean over the table if None.
        seed: of the draws.

    Raises:
        NotReplayable: an answer that is not recorded is called for.
        ValueError: the policy does not end, or answers with a call that failed.
    """
    shape = table.quality.shape[:2]
    expected = np.full(shape, np.nan) if quality is None else quality
    usual = np.broadcast_to(usual_cost(table), shape) if cost_usd is None else cost_usd
    u, order = draws(table.texts, seed), sample_order(table, seed)
    ends = [
        _played(policy, table, row, State((), expected[row], usual[row], float(u[row])), order[row])
        for row in range(len(table))
    ]
    model, gained, cost, latency, calls, reason = zip(*ends, strict=True)
    return Replayed(
        np.array(model, np.int64), np.array(gained), np.array(cost), np.array(latency), np.array(calls), tuple(reason)
    )


def _played(policy: Deferral, table: ReplayTable, row: int, state: State, order: NDArray[np.int64]) -> _End:
    calls, latency_s = np.zeros(len(table.models), np.int64), 0.0
    for _ in range(MOST_WAVES):
        action = policy.decide(state)
        if not isinstance(action, Call):
            return _ended(action, state, table, row, latency_s, calls)
        wave = []
        for model in action.models:
            wave.append(_candidate(table, row, model, order[model], int(calls[model])))
            calls[model] += 1
        latency_s += max((one.latency_s for one in wave), default=0.0)
        state = state.after(wave)
    raise ValueError(
        f"{type(policy).__name__} still calls models after {MOST_WAVES} waves on {table.prompt_ids[row]!r}"
    )


def _ended(
    action: Answer | Abstain, state: State, table: ReplayTable, row: int, latency_s: float, calls: NDArray[np.int64]
) -> _End:
    if isinstance(action, Abstain):
        return _End(-1, np.nan, state.spent_usd, latency_s, calls, action.reason)
    chosen = state.candidates[action.pick]
    if chosen.failed:
        raise ValueError(f"prompt {table.prompt_ids[row]!r} is answered with a call that failed")
    quality = float(table.quality[row, chosen.model, chosen.sample])
    return _End(chosen.model, quality, state.spent_usd, latency_s, calls, action.reason)


def _candidate(table: ReplayTable, row: int, model: int, order: NDArray[np.int64], call: int) -> Candidate:
    recorded = order[~np.isnan(table.quality[row, model, order])]
    if call >= len(recorded):
        raise NotReplayable(
            f"call {call + 1} of {table.models[model]!r} on prompt {table.prompt_ids[row]!r}: "
            f"{len(recorded)} samples are recorded; collect more with --samples, or leave the model out"
        )
    cell = (row, model, recorded[call])
    key = int(table.key[cell])
    signals = {name: float(values[cell]) for name, values in table.signals.items() if not np.isnan(values[cell])}
    return Candidate(
        model=model,
        sample=int(recorded[call]),
        key=None if key == NO_KEY else key,
        signals=signals,
        cost_usd=float(table.cost_usd[cell]),
        latency_s=float(table.latency_s[cell]),
    )


def usual_cost(table: ReplayTable) -> Floats:
    """Mean cost of a recorded call of each model, [M]; NaN if unknown."""
    known = ~np.isnan(table.cost_usd)
    total = np.where(known, table.cost_usd, 0.0).sum(axis=(0, 2))
    count = known.sum(axis=(0, 2))
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))


def sample_order(table: ReplayTable, seed: int) -> NDArray[np.int64]:
    """Samples of each prompt and model in the order in which calls get them, [N, M, R]."""
    shape = table.quality.shape
    if shape[2] == 1:
        return np.zeros(shape, np.int64)
    cells = [
        f"{text}\0{model}\0{sample}" for text in table.texts for model in table.models for sample in range(shape[2])
    ]
    return np.asarray(draws(cells, seed).reshape(shape).argsort(axis=2))
