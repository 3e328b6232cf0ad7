"""One chain from the cheapest model to the best."""

from collections.abc import Iterator
from dataclasses import dataclass

from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chains import best_chains, rising_models
from anabranch.training.cascades.chances import CHANCE, with_chance
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.signal_calibration import Form


@dataclass(frozen=True)
class ModelCascading:
    """Call models from cheap to dear until one is confident, with a threshold for each, fitted under each budget.

    The paper sweeps thresholds on a classifier's largest probability. Confidence is a calibrated signal of the answer
    here; models that a cheaper one matches are left out; the best model alone is a policy too.

    Args:
        signal: how sure an answer looks.
        form: of the maps from the signal to the chance of being right.
        depth: the most models in the chain; each one more takes several times as long to fit.
        budgets: how many to fit at.
    """

    source = "Varshney and Baral 2022, arXiv 2210.05528"
    specification = "secondary"
    router = None
    signal: str = "logprob_mean"
    form: Form = "isotonic"
    depth: int = 4
    budgets: int = 12

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        return with_chance(ground, self.signal, self.form)

    def policies(self, ground: Ground) -> Iterator[ThresholdChain]:
        """See `CascadeRecipe`."""
        models = rising_models(ground, CHANCE, self.depth)
        return best_chains(ground, (models, models[-1:]), CHANCE, budgets_of(ground, self.budgets))
