"""Cascade routing: at every step the best set of models is looked for anew, and one of it is called."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from anabranch.routers.deferral.cascade_routing import CascadeRouting as Routing
from anabranch.training.cascades.budgets import budgets_of
from anabranch.training.cascades.chances import refuse_unknown
from anabranch.training.cascades.recipe import Ground
from anabranch.training.cascades.recorded import samples_of
from anabranch.training.cascades.sureness import with_scorer
from anabranch.training.replay.cascade_routing_fit import best_at_budget, fit_belief, meet_all, price_curve
from anabranch.training.scorers.answer_scorer_fit import SCORER

TOKENS = ("logprob_mean", "logprob_min", "tokens")
"""Other token signals say little more, and a belief of many signals is a weak one."""


@dataclass(frozen=True)
class CascadeRouting:
    """Under each budget the best price of cascade routing, and of its two limits, routing and cascading.

    The paper fits a regression for every model and every set of models called, and searches its prices; here one
    Gaussian belief is conditioned on what is seen, and every price is worked out. A model is asked once.

    Args:
        router: whose estimates are read before any call.
        signals: of answers that are read; those of the tokens that are recorded if none, or else "scorer", which learns
            one from the recorded responses.
        max_depth: the most answers of a prompt.
        budgets: how many to fit at.
    """

    source = "Dekoninck et al. 2025, arXiv 2410.10347"
    specification = "code"
    router: str = "kernel-ridge"
    signals: tuple[str, ...] = ()
    max_depth: int = 3
    budgets: int = 16

    def learn(self, ground: Ground) -> Ground:
        """See `CascadeRecipe`.

        Raises:
            ValueError: a signal is not there, or no responses are recorded for a scorer to read.
        """
        reads = self._reads(ground)
        learns = SCORER in reads and SCORER not in ground.table.signals
        known = with_scorer(ground, "--signals '[logprob_mean]'") if learns else ground
        refuse_unknown(known, *reads)
        return known

    def policies(self, ground: Ground) -> Iterator[Routing]:
        """See `CascadeRecipe`.

        Raises:
            ValueError: an answer is missing, or a cost is unknown.
        """
        budgets = budgets_of(ground, self.budgets)
        samples_of(ground, range(len(ground.table.models)))
        usual = np.broadcast_to(ground.cost_usd, ground.table.quality.shape[:2])
        met = meet_all(ground.table, ground.estimates, usual, ground.seed)
        order = tuple(ground.cost_usd.argsort(kind="stable").tolist())
        free = Routing(order, fit_belief(met, order, self._reads(ground)), lam=0.0, max_depth=self.max_depth)
        limits = (replace(free, max_depth=1), replace(free, forced=True), free)
        curves = [price_curve(policy, met) for policy in limits]
        least = min(float(curve.cost_usd.min()) for curve in curves)
        yield from (best_at_budget(curves, budget).policy for budget in budgets.tolist() if budget >= least)

    def _reads(self, ground: Ground) -> tuple[str, ...]:
        return self.signals or tuple(name for name in TOKENS if name in ground.table.signals) or (SCORER,)
