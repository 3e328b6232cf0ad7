"""What unsure pairs reach on recorded answers, many settings at once.

It says what `replay` says of an `UnsurePair`, without a step of Python for each prompt.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.unsure_pair import Leaders
from anabranch.training.replay.chain_replay import Calls, ChainOutcomes
from anabranch.training.replay.settings_grid import SettingsGrid
from anabranch.training.replay.two_stage import two_stage_curve

Floats = NDArray[np.float64]


def unsure_pair_grid(calls: Calls, found: Leaders, deltas: Sequence[float]) -> SettingsGrid:
    """Every delta with every threshold that makes a difference; settings are (delta, threshold).

    Args:
        calls: of L models on N prompts, all recorded.
        found: which of them are worth most at some price, on the N prompts.
        deltas: leads from which the best is not doubted.
    """
    grids = []
    for delta in deltas:
        curve = two_stage_curve(pair_outcomes(calls, found, delta))
        settings = np.stack([np.full(len(curve.threshold), delta), curve.threshold], axis=1)
        grids.append(SettingsGrid(settings, curve.quality, curve.cost_usd))
    return SettingsGrid.joined(grids)


def pair_outcomes(calls: Calls, found: Leaders, delta: float) -> ChainOutcomes:
    """Chains of the cheaper of two and the other; a clear best comes first, and is sure."""
    clear = found.lead >= delta
    first = np.where(~clear & found.second_is_cheaper, 1, 0)
    # of a single model, the other one is the same and never called
    ranks = np.stack([first, 1 - first], axis=1).clip(max=found.order.shape[1] - 1)
    places = np.take_along_axis(found.order, ranks, axis=1)  # (N, 2)
    confidence, quality, cost = (
        np.take_along_axis(values, places, axis=1) for values in (calls.confidence, calls.quality, calls.cost_usd)
    )
    return ChainOutcomes.of_calls(np.where(clear, np.inf, confidence[:, 0])[:, None], quality, cost)


def prices(estimates: Floats, cost_usd: Floats) -> list[float]:
    """Qualities for a USD between which the better of some two models, by estimates [N, L], differs on some prompt.

    From 0, where costs do not matter, to one at which the cheapest model is best everywhere.

    >>> prices(np.array([[0.5, 0.75], [0.25, 1.0]]), np.array([[1.0, 2.0], [1.0, 2.0]]))
    [0.0, 0.5, 1.5]
    """
    low, high = np.triu_indices(estimates.shape[1], 1)
    gain, extra = (values[:, high] - values[:, low] for values in (estimates, cost_usd))
    pays = gain * extra > 0
    slopes = np.unique(gain[pays] / extra[pays])
    if not len(slopes):
        return [0.0]
    return [0.0, *((slopes[1:] + slopes[:-1]) / 2).tolist(), 2 * float(slopes[-1])]
