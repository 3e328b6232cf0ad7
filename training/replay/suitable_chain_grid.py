"""What chains of the models that suit a prompt reach on recorded answers, many settings at once.

It says what `replay` says of a `SuitableChain`, without a step of Python for each prompt.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.suitable_chain import suitable
from anabranch.training.replay.chain_replay import Calls, ChainOutcomes, sweep
from anabranch.training.replay.settings_grid import SettingsGrid

Floats = NDArray[np.float64]


def suitable_chain_grid(
    calls: Calls, behind: Floats, taus: Sequence[float], thresholds: Sequence[float], at_least: int = 1
) -> SettingsGrid:
    """Every tau with every threshold; settings are (tau, threshold).

    Args:
        calls: of L models on N prompts, the cheapest first, all recorded.
        behind: float64 [N, L], each model's estimate less the best of its prompt, see `behind_best`.
        taus: at most 0.
        thresholds: of the confidence of the calls.
        at_least: how many suit at the least.
    """
    levels = np.repeat(np.array(thresholds, np.float64)[:, None], behind.shape[1] - 1, axis=1)
    grids = []
    for tau in taus:
        reached = sweep(suitable_outcomes(calls, suitable(behind, tau, at_least)), levels)
        settings = np.stack([np.full(len(thresholds), tau), np.array(thresholds, np.float64)], axis=1)
        grids.append(SettingsGrid(settings, reached.quality, reached.cost_usd))
    return SettingsGrid.joined(grids)


def suitable_outcomes(calls: Calls, suits: NDArray[np.bool_]) -> ChainOutcomes:
    """A chain of all models in which those that do not suit are free and never sure, and the last that suits always is.

    Args:
        calls: of L models on N prompts.
        suits: bool [N, L], at least one on every prompt.
    """
    last = suits.shape[1] - 1 - suits[:, ::-1].argmax(axis=1)  # (N,)
    confidence = np.where(suits, calls.confidence, np.nan)
    confidence[np.arange(len(last)), last] = np.inf
    return ChainOutcomes.of_calls(confidence[:, :-1], calls.quality, np.where(suits, calls.cost_usd, 0.0))
