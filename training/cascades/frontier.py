"""The policies worth having: of many, those that no other beats in quality at its cost."""

from collections.abc import Iterable

import numpy as np

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.plan import Stop
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.executor import replay


def frontier_of(policies: Iterable[Deferral], ground: Ground) -> tuple[Stop, ...]:
    """Replay every policy, and keep those of rising cost and quality; where costs are unknown, the best one.

    A prompt without an answer has quality 0: to abstain is no way to look good.

    Args:
        policies: any number, in any order.
        ground: N prompts, M models.

    Raises:
        NotReplayable: an answer is not recorded.
        ValueError: there is no policy.
    """
    found = [_stop(policy, ground) for policy in dict.fromkeys(policies)]
    if not found:
        raise ValueError("the recipe found no policy on these prompts")
    if any(np.isnan(stop.cost_usd) for stop in found):
        return (max(found, key=lambda stop: stop.quality),)
    kept: list[Stop] = []
    for stop in sorted(found, key=lambda stop: (stop.cost_usd, -stop.quality)):
        if not kept or stop.quality > kept[-1].quality:
            kept.append(stop)
    return tuple(kept)


def _stop(policy: Deferral, ground: Ground) -> Stop:
    done = replay(policy, ground.table, quality=ground.estimates, cost_usd=_usual(ground), seed=ground.seed)
    return Stop(policy, float(np.nan_to_num(done.quality).mean()), float(done.cost_usd.mean()))


def _usual(ground: Ground) -> np.ndarray:
    return np.broadcast_to(ground.cost_usd, ground.table.quality.shape[:2])
