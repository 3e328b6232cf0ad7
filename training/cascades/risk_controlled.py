"""One chain of two models, proven to lose little against the best model alone."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.deferral.chance import Chance
from anabranch.routers.deferral.deferral import Deferral
from anabranch.routers.deferral.settings import CertificateSettings
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.chains import rising_models
from anabranch.training.cascades.chances import CHANCE, refuse_unknown
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.certified_chain import CertifiedChain, certified_chain, ladder
from anabranch.training.replay.post_hoc import folds_of
from anabranch.training.replay.signal_calibration import Form, calibrate_signal

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RiskControlled:
    """The cheapest chain to the best model that is certified to lose at most so much against it.

    Half of the prompts choose the first model, calibrate confidence and set the levels to be tested; the other half
    decides which of these are certified, and nothing else. Where none is, the best model answers alone. What was
    promised stays with the stop, in the RUN and in its bundle.

    Args:
        most_lost: mean quality that may be lost where the best model answers better.
        delta: share of fits that may break the promise.
        signal: how sure an answer looks.
        form: of the maps from the signal to the chance of being right.
        rungs: how many levels are tested.
    """

    source = "Angelopoulos et al. 2021, arXiv 2110.01052"
    specification = "secondary"
    router = None
    most_lost: float = 0.02
    delta: float = 0.05
    signal: str = "logprob_mean"
    form: Form = "isotonic"
    rungs: int = 50

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`; the half that certifies has chances by maps that never saw any of it."""
        refuse_unknown(ground, self.signal)
        certifies = _certifies(ground)
        calibrated = calibrate_signal(ground.table.take(~certifies), self.signal, self.form, seed=ground.seed)
        chance = np.empty(ground.table.quality.shape, np.float32)
        chance[~certifies], chance[certifies] = calibrated.chance, calibrated.on(ground.table.take(certifies))
        return replace(
            ground,
            table=ground.table.with_signal(CHANCE, chance),
            signals=(*ground.signals, Chance(CHANCE, self.signal, calibrated.maps)),
        )

    def policies(self, ground: Ground) -> Iterator[ThresholdChain]:
        """See `CascadeRecipe`: one."""
        found = self.certified(ground)
        names = " > ".join(ground.table.models[model] for model in found.policy.models)
        log.log(logging.INFO if found.certificate.holds else logging.WARNING, "%s: %s", names, found.certificate)
        yield found.policy

    def certificates(self, ground: Ground, date: str) -> dict[Deferral, CertificateSettings]:
        """See `Certifying`: of the one policy."""
        found = self.certified(ground)
        proof, models = found.certificate, found.policy.models
        made = CertificateSettings(
            against=ground.table.models[models[-1]],
            most_lost=self.most_lost,
            delta=self.delta,
            prompts=proof.prompts,
            date=date,
            p_value=None if proof.policy is None or len(models) == 1 else proof.p_values[proof.policy],
        )
        return {found.policy: made}

    def certified(self, ground: Ground) -> CertifiedChain:
        """The chain with its certificate.

        Args:
            ground: as `learn` returned it.

        Raises:
            ValueError: the best model is the cheapest, a cost is unknown, or there are too few prompts for two halves.
        """
        certifies = _certifies(ground)
        chooses = replace(ground, table=ground.table.take(~certifies))
        *firsts, last = rising_models(chooses, CHANCE)
        if not firsts:
            raise ValueError(f"{ground.table.models[last]!r} is the best model, and none that is cheaper can be sure")
        ladders = [ladder(chooses.table, (first, last), CHANCE, self.rungs) for first in firsts]
        best = min(ladders, key=lambda rungs: self._tested(rungs, chooses).cost_usd)
        return self._tested(best, replace(ground, table=ground.table.take(certifies)))

    def _tested(self, rungs: tuple[ThresholdChain, ...], ground: Ground) -> CertifiedChain:
        return certified_chain(rungs, ground.table, self.most_lost, delta=self.delta, seed=ground.seed)


def _certifies(ground: Ground) -> NDArray[np.bool_]:
    """Which prompts, [N]."""
    return np.asarray(folds_of(ground.table.texts, 2, ground.seed) == 1)
