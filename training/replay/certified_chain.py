"""Thresholds of a chain proven to lose little quality against always calling its last model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.chain_replay import ChainOutcomes, chain_outcomes, stages
from anabranch.training.replay.executor import NotReplayable
from anabranch.training.replay.learn_then_test import Certificate, learn_then_test, regret

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class CertifiedChain:
    """What to serve, what is proven of it, and what it did on the prompts that prove it.

    Args:
        policy: the cheapest certified chain; the last model alone, which loses nothing by definition, where none is
            certified or where it costs no more.
        certificate: its columns are the chains that were tested.
        lost: mean quality lost where the last model answers better; what it answers worse is not set against it.
        quality: mean over prompts.
        cost_usd: mean over prompts, of every call; NaN if unknown.
    """

    policy: ThresholdChain
    certificate: Certificate
    lost: float
    quality: float
    cost_usd: float


def certified_chain(
    chains: Sequence[ThresholdChain], table: ReplayTable, most_lost: float, *, delta: float = 0.05, seed: int = 0
) -> CertifiedChain:
    """The cheapest of some chains that loses at most so much against always calling the last model, 95 % sure.

    Where a cost is unknown, the last certified chain counts as the cheapest.

    Args:
        chains: of the same models and signal, from safest to cheapest, fixed without these prompts: see `ladder`.
        table: calibration prompts, on which neither the chains nor their signal were fitted.
        most_lost: mean quality, e.g. 0.02.
        delta: share of calibrations that may break the promise.
        seed: of the draws among samples.

    Raises:
        ValueError: the chains are of different models, there are none, or a share is not between 0 and 1.
        NotReplayable: an answer of a model of the chain is not recorded.

    >>> table = ReplayTable.from_arrays(
    ...     ["small", "large"], [[1.0, 1.0]] * 60, cost_usd=[[1, 5]] * 60, signals={"sure": [[0.9, 0.9]] * 60}
    ... )
    >>> found = certified_chain(ladder(table, (0, 1), "sure", rungs=1), table, most_lost=0.05)
    >>> found.policy.thresholds, found.cost_usd
    ((-inf,), 1.0)
    """
    outcomes = _outcomes(chains, table, seed)
    stage = stages(outcomes, [chain.thresholds for chain in chains])
    quality = np.take_along_axis(outcomes.quality, stage, axis=1)
    losses = regret(outcomes.quality[:, -1], quality)
    cost = np.take_along_axis(outcomes.spent_usd, stage, axis=1).mean(axis=0)
    certificate = learn_then_test(
        losses,
        most_lost,
        delta,
        cost_usd=None if np.isnan(cost).any() else cost,
        zero_one=bool(np.isin(outcomes.quality, (0.0, 1.0)).all()),
    )
    best, alone = certificate.policy, float(_last_call(outcomes).mean())
    if best is None or alone <= cost[best]:
        last = ThresholdChain(chains[0].models[-1:], (), chains[0].signal)
        return CertifiedChain(last, certificate, 0.0, float(outcomes.quality[:, -1].mean()), alone)
    lost, reached = (float(column.mean()) for column in (losses[:, best], quality[:, best]))
    return CertifiedChain(chains[best], certificate, lost, reached, float(cost[best]))


def ladder(table: ReplayTable, models: tuple[int, ...], signal: str, rungs: int = 50) -> tuple[ThresholdChain, ...]:
    """Chains from always going on to always keeping: rung k keeps about k / `rungs` of the answers of each stage.

    Args:
        table: prompts to read the signal's levels from; not those that will certify.
        models: of the chain, the last one being the one that nothing may be lost against.
        signal: the name of the confidence.
        rungs: steps between the two ends.

    Raises:
        ValueError: the table does not have the signal, a stage has no known one, or there are no rungs.
    """
    if rungs < 1:
        raise ValueError(f"{rungs} rungs: a ladder has at least one step")
    confidence = chain_outcomes(table, models, signal).confidence
    unknown = [models[stage] for stage in np.flatnonzero(np.isnan(confidence).all(axis=0))]
    if unknown:
        raise ValueError(f"signal {signal!r} is unknown for all answers of models {[table.models[m] for m in unknown]}")
    shares = 1 - np.arange(1, rungs) / rungs
    between = np.nanquantile(confidence, shares, axis=0, method="higher")
    ends = np.full((1, len(models) - 1), np.inf)
    levels = np.concatenate([ends, between, -ends])
    return tuple(ThresholdChain(models, tuple(row.tolist()), signal) for row in levels)


def _outcomes(chains: Sequence[ThresholdChain], table: ReplayTable, seed: int) -> ChainOutcomes:
    kinds = {(chain.models, chain.signal) for chain in chains}
    if len(kinds) != 1:
        raise ValueError(f"{len(chains)} chains of {len(kinds)} kinds: certify chains of the same models and signal")
    models, signal = next(iter(kinds))
    outcomes = chain_outcomes(table, models, signal, seed)
    gaps = np.argwhere(np.isnan(outcomes.quality))
    if len(gaps):
        row, stage = gaps[0]
        raise NotReplayable(
            f"no answer of {table.models[models[stage]]!r} is recorded on prompt {table.prompt_ids[row]!r} "
            f"({len(gaps)} gaps in all); leave out the prompts"
        )
    return outcomes


def _last_call(outcomes: ChainOutcomes) -> Floats:
    """What the last model's call costs by itself, [N]."""
    spent = outcomes.spent_usd
    return np.asarray(spent[:, -1] - (spent[:, -2] if spent.shape[1] > 1 else 0.0))
