"""Which sets of models are worth asking together."""

import numpy as np

from anabranch.routers.deferral.fuse_all import FuseAll
from anabranch.routers.deferral.fuser import Fuser
from anabranch.training.cascades.budgets import model_costs
from anabranch.training.cascades.chains import Models
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.executor import replay


def sets_of(ground: Ground, fuser: Fuser, depth: int, groups: int) -> list[Models]:
    """Neighbours in price, the best models, and models that complete each other; each set once, in rising order.

    Args:
        ground: N prompts, M models, all of whose costs are known.
        fuser: picks the answer.
        depth: the most models of a set.
        groups: the most sets of neighbours of each size.

    Raises:
        ValueError: depth or groups is below 1, or a cost is unknown.
    """
    if depth < 1 or groups < 1:
        raise ValueError(f"depth {depth}, groups {groups}: a set has at least one model, and one set is needed")
    rising, best = model_costs(ground).argsort(kind="stable").tolist(), best_first(ground)
    sizes = range(1, min(depth, len(best)) + 1)
    neighbours = [models for size in sizes for models in evenly(_windows(rising, size), groups)]
    completed = complementary(ground, fuser, len(sizes))
    found = [*neighbours, *(best[:size] for size in sizes), *(completed[:size] for size in sizes)]
    return list(dict.fromkeys(tuple(sorted(models)) for models in found))


def best_first(ground: Ground) -> Models:
    """Models from the best to the worst on average, of equals the cheaper first; [M]."""
    quality = np.nanmean(ground.table.quality, axis=(0, 2))
    return tuple(np.lexsort((ground.cost_usd, -quality)).tolist())


def complementary(ground: Ground, fuser: Fuser, most: int) -> Models:
    """The best model, then again and again the one that makes the fused answers best; of equals the better one.

    Every model is asked once a prompt. Two that vote mostly say what the better one says, so that the second is often
    the second best, and only from the third on they complete each other.

    Args:
        ground: N prompts, M models.
        fuser: picks the answer.
        most: models.
    """
    best = best_first(ground)
    chosen = best[:1]
    while len(chosen) < min(most, len(best)):
        larger = [(*chosen, model) for model in best if model not in chosen]
        # argmax takes the first of equals
        chosen = larger[int(np.argmax([_quality(ground, fuser, models) for models in larger]))]
    return chosen


def _quality(ground: Ground, fuser: Fuser, models: Models) -> float:
    """Mean quality of one answer of each, fused; as `frontier_of` counts it."""
    done = replay(FuseAll(models, 1, fuser), ground.table, seed=ground.seed)
    return float(np.nan_to_num(done.quality).mean())


def _windows(rising: list[int], size: int) -> list[Models]:
    return [tuple(rising[start : start + size]) for start in range(len(rising) - size + 1)]
