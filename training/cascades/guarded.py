"""Candidate policies under a limit on what any one prompt may spend."""

import logging
from collections.abc import Iterable, Iterator

import numpy as np

from anabranch.routers.deferral.budget_guard import ROUNDING, BudgetGuard
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.state import Abstain, State
from anabranch.routers.policies.draws import draws
from anabranch.training.cascades.recipe import Ground

log = logging.getLogger(__name__)


def guarded(policies: Iterable[Deferral], ground: Ground, most_usd: float | None) -> Iterator[Deferral]:
    """The policies, each behind a `BudgetGuard`; those that could not even begin with some prompt fall away.

    Args:
        policies: what a recipe found.
        ground: N prompts, M models, all of whose usual costs are known.
        most_usd: that one prompt may spend; no limit if None.

    Raises:
        ValueError: there are policies, and all fall away.
    """
    if most_usd is None:
        yield from policies
        return
    beginnings, found, kept = _beginnings(ground), 0, 0
    for policy in policies:
        guard, found = BudgetGuard(policy, most_usd), found + 1
        if not any(isinstance(guard.decide(state), Abstain) for state in beginnings):
            kept += 1
            yield guard
    if found and not kept:
        raise ValueError(
            f"most_usd {most_usd:g}: all {found} policies of the recipe begin with calls that usually cost more, on "
            "some prompt at least: raise most_usd, or leave the dear models out with --models"
        )


def refuse_unaffordable(ground: Ground, most_usd: float | None) -> None:
    """Say so before anything is learnt if no policy can keep to the limit, and which models it shuts out.

    Args:
        ground: M models.
        most_usd: that one prompt may spend; no limit if None.

    Raises:
        ValueError: the limit is negative or NaN, what a model costs is unknown, or every model costs more.
    """
    if most_usd is None:
        return
    if not most_usd >= 0:
        raise ValueError(f"most_usd {most_usd}: what a prompt may spend is 0 USD or more; leave it out for no limit")
    models, cost = ground.table.models, ground.cost_usd
    if np.isnan(cost).any():
        names = ", ".join(models[place] for place in np.flatnonzero(np.isnan(cost)))
        raise ValueError(
            f"most_usd {most_usd:g}: unknown costs of {names}, and a limit needs those of every model. Give prices "
            "with `anabranch data reprice LABELS --prices FILE`, or leave these models out"
        )
    dear = cost > most_usd * (1 + ROUNDING)
    if dear.all():
        cheapest = int(cost.argmin())
        raise ValueError(
            f"most_usd {most_usd:g}: no model can be called for that; the cheapest, {models[cheapest]!r}, usually "
            f"costs {cost[cheapest]:g} USD: raise most_usd to that at least, or add a cheaper model"
        )
    if dear.any():
        names = ", ".join(models[place] for place in np.flatnonzero(dear))
        log.warning(
            "most_usd %g: %s usually cost more and will not be called; fits are better without them, leave them out "
            "with --models",
            most_usd,
            names,
        )


def _beginnings(ground: Ground) -> list[State]:
    """Every prompt before any call, as `frontier_of` replays it."""
    shape = ground.table.quality.shape[:2]
    estimates = np.full(shape, np.nan) if ground.estimates is None else ground.estimates
    drawn = draws(ground.table.texts, ground.seed).tolist()
    return [State((), quality, ground.cost_usd, u) for quality, u in zip(estimates, drawn, strict=True)]
