"""AutoMix: a small model whose answer is checked, and the checks at which it pays to ask a large one."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from anabranch.routers.deferral.deferral import Deferral
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chances import CHANCE
from anabranch.training.cascades.lineup import alone, lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import samples_of
from anabranch.training.cascades.sureness import with_sureness
from anabranch.training.replay.automix_bins import automix_bins
from anabranch.training.replay.automix_fit import FittedAutoMix, fit_automix
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.scorers.answer_scorer_fit import SCORER

VERIFY = "verify"


@dataclass(frozen=True)
class AutoMix:
    """Under each budget the pair of models, and the set of checks at which it escalates, that is best.

    In the paper the small model checks its own answer several times. Label sets keep no self-checks and serving makes
    none, so what a learned scorer or the answer's tokens tell of its chance of being right stands in for their share.
    Models by themselves are tried as well.

    Args:
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal; "verify" is the share
            of self-checks that said correct, for tables that have it, and is read as it is.
        form: of the maps from the signal to the chance of being right.
        family: of sets, see `fit_automix`.
        bins: how finely shares are told apart.
        kappa: prompts by which the gain of a bin is drawn to that of all.
        depth: the most models that are paired.
        budgets: how many to fit at.
    """

    source = "AutoMix, arXiv 2310.12963"
    specification = "code"
    router = None
    signal: str = SCORER
    form: Form = "isotonic"
    family: str = "exact"
    bins: int = 8
    kappa: float = 10.0
    depth: int = 4
    budgets: int = 24

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`.

        Raises:
            ValueError: the signal is not there, or no responses are recorded for a scorer to read.
        """
        if self.signal == VERIFY and VERIFY in ground.table.signals:
            return ground
        return with_sureness(ground, self.signal, self.form)

    def policies(self, ground: Ground) -> Iterator[Deferral]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: an answer is missing, a cost is unknown, or there is no such family.
        """
        models = lineup(ground, self.depth)
        samples_of(ground, models)
        yield from map(alone, models)
        pairs = list(combinations(models, 2))
        for budget in budgets_of(ground, self.budgets):
            fits = [self._fitted(ground, pair, budget) for pair in pairs if self._least(ground, pair) <= budget]
            if fits:
                yield max(fits, key=lambda fit: (fit.quality, -fit.cost_usd)).policy

    def _least(self, ground: Ground, pair: tuple[int, int]) -> float:
        """What a pair costs that never escalates."""
        return automix_bins(ground.table, pair, bins=self.bins, signal=self._reads).kept.cost_usd

    def _fitted(self, ground: Ground, pair: tuple[int, int], budget_usd: float) -> FittedAutoMix:
        return fit_automix(
            ground.table,
            pair,
            budget_usd=budget_usd,
            family=self.family,
            bins=self.bins,
            kappa=self.kappa,
            signal=self._reads,
        )

    @property
    def _reads(self) -> str:
        return VERIFY if self.signal == VERIFY else CHANCE
