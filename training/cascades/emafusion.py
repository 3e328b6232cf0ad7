"""EMAFusion: of the models that suit a prompt, the cheapest first, until an answer is likely right."""

from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.routers.deferral.behind_best import behind_best
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.suitable_chain import SuitableChain
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chances import CHANCE
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.foreseen import foreseen
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.sureness import LearnsSureness
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.replay.suitable_chain_grid import suitable_chain_grid
from anabranch.training.replay.two_stage import breakpoints
from anabranch.training.scorers.answer_scorer_fit import SCORER

TAUS, THRESHOLDS = 24, 64
"""The most of each that are tried: all pairs are."""


@dataclass(frozen=True)
class EMAFusion(LearnsSureness):
    """Under each budget the best bound on how far a model that suits is behind, with the best threshold of chances.

    The paper looks suitability up in a taxonomy, into which an LLM and a fast classifier sort each part of a request,
    and asks a learned router where that is unsure. A router's estimates stand for both here, relative to the best of
    the prompt, and requests are not split. The mean of several judges' confidence is one calibrated chance here.
    Models by themselves are tried as well.

    Args:
        router: whose estimates tell which models suit.
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal.
        form: of the maps from the signal to the chance of being right.
        at_least: how many models suit at the least.
        budgets: how many to fit at.
    """

    source = "Shah et al. 2025, arXiv 2504.10681"
    specification = "secondary"
    router: str = "kernel-ridge"
    signal: str = SCORER
    form: Form = "isotonic"
    at_least: int = 1
    budgets: int = 16

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: an answer is missing, or a cost is unknown.
        """
        budgets = budgets_of(ground, self.budgets)
        yield from map(alone, lineup(ground, max(2, len(ground.table.models))))
        models, calls, estimates, _ = foreseen(ground, CHANCE)
        behind = behind_best(estimates)
        taus = [tau for tau in breakpoints(behind.ravel()).threshold.tolist() if tau <= 0]
        thresholds = breakpoints(calls.confidence.ravel()).threshold.tolist()
        grid = suitable_chain_grid(calls, behind, evenly(taus, TAUS), evenly(thresholds, THRESHOLDS), self.at_least)
        for tau, threshold in grid.under(budgets.tolist()):
            yield SuitableChain(models, tau, threshold, CHANCE, self.at_least)
