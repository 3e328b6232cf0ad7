"""Deferral learned from the log-probabilities of an answer's tokens."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from typing import Literal

import numpy as np

from anabranch.data.token_signals import TOKEN_SIGNALS
from anabranch.routers.deferral.post_hoc_signal import PostHocRule, PostHocSignal
from anabranch.routers.deferral.threshold_chain import ThresholdChain
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chains import Models, best_chains, rising_models
from anabranch.training.cascades.chances import CHANCE, refuse_unknown, with_chance
from anabranch.training.cascades.recipe import Ground
from anabranch.training.replay.affine_gain import AffineGain, Learner
from anabranch.training.replay.gain_networks import Loss
from anabranch.training.replay.lessons import LearnGain
from anabranch.training.replay.network_gain import NetworkGain
from anabranch.training.replay.post_hoc import PROBABILITIES, Target, learn_deferral

Rule = Literal["affine", "mlp"]

POST_HOC = "post_hoc"

LOSSES: dict[Learner, Loss] = {"ridge": "squared", "logistic": "cross-entropy"}
"""Of a network that learns what the affine rule learns."""


@dataclass(frozen=True)
class TokenUncertainty:
    """Learn from quantiles of an answer's token log-probabilities whether the next dearer model would answer better.

    The paper has two models; here every model is paired with the next one, and a rule that plain confidence beats where
    it was not learned gives way to it. Chains go from neighbour to neighbour.

    Args:
        signals: what is seen of an answer, the plain confidence first; mean, sum, length and all quantiles if none.
        target: what is learned, see `learn_deferral`.
        rule: "mlp", the paper's, is a network of one hidden layer; "affine" weighs what is seen.
        learner: "ridge" learns how much better, "logistic" whether; a network by squared errors or cross-entropy.
        penalty: of an affine rule's weights; as strong as this many prompts.
        hidden: units of a network.
        depth: the most models in a chain.
        budgets: how many to fit at.
    """

    source = "Gupta et al. 2024, arXiv 2404.10136"
    specification = "secondary"
    router = None
    signals: tuple[str, ...] = ()
    target: Target = "difference"
    rule: Rule = "mlp"
    learner: Learner = "ridge"
    penalty: float = 1.0
    hidden: int = 16
    depth: int = 3
    budgets: int = 12

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`."""
        read = self._read(ground)
        models = rising_models(ground, read[0])
        if self.target in PROBABILITIES:
            ground, read = with_chance(ground, read[0]), (CHANCE, *read)
        rules: list[PostHocRule | None] = [None] * len(ground.table.models)
        signal = np.full(ground.table.quality.shape, np.nan)
        for first, following in pairwise(models):
            found = learn_deferral(
                ground.table, first, following, read, target=self.target, learn=self._rule(), seed=ground.seed
            )
            rules[first], signal[:, first] = found.rule, found.signal[:, first]
        return replace(
            ground,
            table=ground.table.with_signal(POST_HOC, signal),
            signals=(*ground.signals, PostHocSignal(POST_HOC, tuple(rules))),
        )

    def policies(self, ground: Ground) -> Iterator[ThresholdChain]:
        """See `CascadeRecipe`."""
        models = rising_models(ground, self._read(ground)[0])
        return best_chains(ground, _runs(models, self.depth), POST_HOC, budgets_of(ground, self.budgets))

    def _rule(self) -> LearnGain:
        if self.rule == "mlp":
            return NetworkGain(LOSSES[self.learner], self.hidden)
        return AffineGain(self.learner, self.penalty)

    def _read(self, ground: Ground) -> tuple[str, ...]:
        """Those named, or all that are recorded."""
        refuse_unknown(ground, *(self.signals or TOKEN_SIGNALS[:1]))
        return self.signals or tuple(name for name in TOKEN_SIGNALS if name in ground.table.signals)


def _runs(models: Models, depth: int) -> list[Models]:
    """All chains of at most `depth` neighbours."""
    ends = combinations(range(len(models) + 1), 2)
    return [models[start:stop] for start, stop in ends if stop - start <= depth]
