"""Best of n over several models, each further sample from the model that promises most."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from anabranch.data.replay_table import NO_KEY
from anabranch.routers.deferral.robon import RoBoN as Routed
from anabranch.training.cascades.chances import CHANCE
from anabranch.training.cascades.evenly import evenly
from anabranch.training.cascades.lineup import lineup
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import samples_of
from anabranch.training.cascades.sureness import LearnsSureness
from anabranch.training.replay.signal_calibration import Form
from anabranch.training.scorers.answer_scorer_fit import SCORER


@dataclass(frozen=True)
class RoBoN(LearnsSureness):
    """Each model, each pair and all models, at several numbers of calls and weights of the reward against agreement.

    The paper's reward is a reward model's; here it is the chance of being right that a signal tells, which is on one
    scale for all models. Samples that are paid for may all answer. Where answers cannot be compared, reward decides
    alone.

    Args:
        signal: "scorer" learns one from the recorded responses; or the name of a recorded signal.
        form: of the maps from the signal to the chance of being right.
        alphas: weights of the reward in what a sample promises; the rest is agreement.
        beta: how much more a higher reward weighs.
        depth: the most models.
        numbers: the most numbers of calls that are tried for each choice of models.
    """

    source = "Geuter and Kornhardt 2025, arXiv 2512.05542"
    specification = "code"
    router = None
    signal: str = SCORER
    form: Form = "isotonic"
    alphas: tuple[float, ...] = (0.7, 1.0)
    beta: float = 1.0
    depth: int = 4
    numbers: int = 3

    def policies(self, ground: Ground) -> Iterator[Routed]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: an answer is missing, or a cost is unknown.
        """
        models = lineup(ground, self.depth)
        alphas = self.alphas if np.any(ground.table.key != NO_KEY) else (1.0,)
        for model in models:
            for calls in evenly(range(1, samples_of(ground, (model,)) + 1), self.numbers + 1):
                yield Routed((model,), calls, CHANCE, self.beta, alphas[0])
        for called in dict.fromkeys((*combinations(models, 2), models)):
            # beyond one call of each model, all further ones may fall to the same
            most = len(called) - 1 + samples_of(ground, called)
            for calls in evenly(range(len(called), most + 1), self.numbers) if len(called) > 1 else ():
                yield from (Routed(called, calls, CHANCE, self.beta, alpha) for alpha in alphas)
