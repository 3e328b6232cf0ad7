"""When a chain of two models should call both at once: how often each estimate leads to an answer that is kept."""

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats
from anabranch.data.replay_table import ReplayTable
from anabranch.routers.deferral.signal_maps import SignalMap
from anabranch.routers.deferral.speculative import Speculative
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.replay.signal_calibration import Form, calibrate_signal

ESTIMATE = "estimate"


def speculating(
    chain: ThresholdChain,
    table: ReplayTable,
    estimates: Floats | None,
    usd_per_s: float,
    form: Form = "isotonic",
    *,
    seed: int = 0,
) -> ThresholdChain | Speculative:
    """The chain with both of its models called at once where that is worth it; as it is where that is never known.

    Args:
        chain: of any models; only one of two speculates.
        table: N prompts with the chain's signal, cross-fitted.
        estimates: float [N, M], a router's, cross-fitted; unknown if None.
        usd_per_s: what a second of waiting is worth.
        form: of the map from the small model's estimate to the chance that its answer is kept, see `calibrate_signal`.
        seed: of the calibration's parts.

    Raises:
        ValueError: the signal is not in the table, or the estimates are known of too few prompts.
    """
    if len(chain.models) != 2 or estimates is None:
        return chain
    (small, large), (threshold,) = chain.models, chain.thresholds
    quick, slow = usual_latency(table)[[small, large]].tolist()
    if not usd_per_s > 0 or np.isnan(quick + slow) or np.isnan(estimates[:, small]).all():
        return chain
    keeps = keeping(table, small, threshold, chain.signal, estimates[:, small], form, seed=seed)
    return Speculative(
        (small, large), threshold, chain.signal, keeps, min(quick, slow), usd_per_s, late_s=max(slow - quick, 0.0)
    )


def keeping(
    table: ReplayTable,
    model: int,
    threshold: float,
    signal: str,
    estimate: Floats,
    form: Form = "isotonic",
    *,
    seed: int = 0,
) -> SignalMap:
    """A non-decreasing map from what a router expects of a model to how likely its answer reaches a threshold.

    Args:
        table: N prompts.
        model: its number.
        threshold: an answer whose signal is not known does not reach it.
        signal: the name of what has to.
        estimate: float [N], of the model's quality; NaN if unknown.
        form: of the map.
        seed: of the calibration's parts.

    Raises:
        ValueError: the signal is not in the table, or the estimates are known of too few prompts.
    """
    if signal not in table.signals:
        raise ValueError(f"unknown signal {signal!r}; signals of the table: {sorted(table.signals)}")
    reached = table.signals[signal][:, [model]].astype(np.float64) >= threshold
    kept = np.where(table.recorded[:, [model]], reached, np.nan)
    expected = np.broadcast_to(np.asarray(estimate)[:, None, None], kept.shape)
    asked = ReplayTable.from_arrays([table.models[model]], kept, signals={ESTIMATE: expected}, texts=table.texts)
    return calibrate_signal(asked, ESTIMATE, form, folds=2, seed=seed).maps[0]


def usual_latency(table: ReplayTable) -> NDArray[np.float64]:
    """Mean time of a recorded call of each model, s [M]; NaN if unknown."""
    known = ~np.isnan(table.latency_s)
    total = np.where(known, table.latency_s, 0.0).sum(axis=(0, 2), dtype=np.float64)
    count = known.sum(axis=(0, 2))
    return np.asarray(np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0))
