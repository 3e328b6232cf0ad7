"""FrugalGPT: which models to ask, in which order, and when an answer will do."""

from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chances import CHANCE
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.sureness import LearnsSureness
from anabranch.training.replay.frugal import fit_frugal
from anabranch.training.replay.post_hoc import folds_of
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.scorers.answer_scorer_fit import SCORER

FOLDS = 5


@dataclass(frozen=True)
class FrugalGPT(LearnsSureness):
    """Under each budget the best chain of any models in any order, kept where a learned scorer of answers is sure.

    The authors' code fits thresholds on the prompts that taught the scorer; scores are cross-fitted and calibrated
    here. See `fit_frugal` for what else differs.

    Args:
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal.
        form: of the maps from the signal to the chance of being right.
        depth: the most models in a chain.
        budgets: how many to fit at.
    """

    source = "Chen, Zaharia and Zou 2023, arXiv 2305.05176; stanford-futuredata/FrugalGPT@2b23e6a"
    specification = "code"
    router = None
    signal: str = SCORER
    form: Form = "isotonic"
    depth: int = 3
    budgets: int = 12

    def policies(self, ground: Ground) -> Iterator[ThresholdChain]:
        """See `CascadeRecipe`."""
        folds = folds_of(ground.table.texts, FOLDS, ground.seed)
        for budget in budgets_of(ground, self.budgets):
            yield fit_frugal(ground.table, CHANCE, budget, depth=self.depth, folds=folds, seed=ground.seed).policy
