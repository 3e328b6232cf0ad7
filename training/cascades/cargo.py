"""CARGO: a router where it is clear which model is best, a cascade of the best two where it is not."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.unsure_pair import UnsurePair, leaders
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chances import CHANCE
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.foreseen import Foreseen, foreseen
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.sureness import LearnsSureness
from anabranch.training.replay.settings_grid import SettingsGrid
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.replay.two_stage import breakpoints
from anabranch.training.replay.unsure_pair_grid import prices, unsure_pair_grid
from anabranch.training.scorers.answer_scorer_fit import SCORER

PRICES, DELTAS = 24, 12
"""The most of each that are tried: all pairs are, with every threshold that makes a difference."""


@dataclass(frozen=True)
class CARGO(LearnsSureness):
    """Under each budget the best price of quality, width of the unsure band and threshold of chances in it.

    Within the band the paper asks a binary classifier of the pair, which reads the prompt. Here the cheaper one of the
    two answers, and how likely that answer is right tells whether the other one is called. Its regressors by category
    are left to the router. Models by themselves are tried as well.

    Args:
        router: whose estimates tell which models are worth most.
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal.
        form: of the maps from the signal to the chance of being right.
        budgets: how many to fit at.
    """

    source = "Barrak et al. 2025, arXiv 2509.14899"
    specification = "secondary"
    router: str = "kernel-ridge"
    signal: str = SCORER
    form: Form = "isotonic"
    budgets: int = 16

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: an answer is missing, or a cost is unknown.
        """
        budgets = budgets_of(ground, self.budgets)
        yield from map(alone, lineup(ground, max(2, len(ground.table.models))))
        seen = foreseen(ground, CHANCE)
        grid = SettingsGrid.joined(
            _at_price(seen, lam) for lam in evenly(prices(seen.estimates, seen.cost_usd), PRICES)
        )
        for lam, delta, threshold in grid.under(budgets.tolist()):
            yield UnsurePair(seen.models, lam, delta, threshold, CHANCE)


def _at_price(seen: Foreseen, lam: float) -> SettingsGrid:
    found = leaders(seen.estimates, seen.cost_usd, lam)
    deltas = evenly(breakpoints(found.lead).threshold.tolist(), DELTAS)
    grid = unsure_pair_grid(seen.calls, found, deltas).undominated()
    price: NDArray[np.float64] = np.full((len(grid.settings), 1), lam)
    return grid._replace(settings=np.concatenate([price, grid.settings], axis=1))
