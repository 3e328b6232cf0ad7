"""Which models a chain goes through, and the best chain under each budget."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.budgets import model_costs
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.chain_fit import FittedChain, fit_chain
from anabranch.training.replay.two_stage import Infeasible

Models = tuple[int, ...]


def rising_models(ground: Ground, signal: str, most: int | None = None) -> Models:
    """Models from cheap to dear, each better on average than all that cost no more.

    Of more than `most` of them every so many are left out, never the cheapest and the best. So is a model, unless it is
    the last, none of whose answers has the signal: no chain could stop there.

    Args:
        ground: N prompts, M models.
        signal: what tells whether to go on.
        most: at least 2; no bound if None.

    Raises:
        ValueError: `most` is too small, or a cost is unknown.
    """
    if most is not None and most < 2:
        raise ValueError(f"a chain of at most {most} models never goes on: allow for 2 or more")
    quality, cost = np.nanmean(ground.table.quality, axis=(0, 2)), model_costs(ground)
    order = np.lexsort((-quality, cost))
    best = np.maximum.accumulate(quality[order])
    *rising, last = order[np.append(True, best[1:] > best[:-1])].tolist()
    sure = np.isfinite(ground.table.signals[signal])
    chain = [*(model for model in rising if sure[:, model].any()), last]
    places = np.linspace(0, len(chain) - 1, min(most or len(chain), len(chain))).round().astype(int)
    return tuple(chain[place] for place in places)


def best_chains(
    ground: Ground, chains: Sequence[Models], signal: str, budgets: Iterable[float]
) -> Iterator[ThresholdChain]:
    """Under each budget the best of some chains, of equals the cheapest; none where all cost more.

    Args:
        ground: N prompts, M models.
        chains: the models of each, in the order of calls.
        signal: what thresholds are of.
        budgets: mean USD of a prompt.
    """
    for budget in budgets:
        fits = [fit for models in chains if (fit := _fitted(ground, models, signal, budget)) is not None]
        if fits:
            yield max(fits, key=lambda fit: (fit.quality, -fit.cost_usd)).policy


def _fitted(ground: Ground, models: Models, signal: str, budget_usd: float) -> FittedChain | None:
    try:
        return fit_chain(ground.table, models, signal, budget_usd, seed=ground.seed)
    except Infeasible:
        return None
