"""Strong or weak: a threshold on the strong arm's advantage."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from anabranch.routers.estimates import Estimates
from anabranch.routers.policies.policy import Decision, Floats, Situation, decided
from anabranch.routers.policies.quantile_knob import levels_of


@dataclass(frozen=True)
class ThresholdPair:
    """Call the strong arm iff its advantage exceeds a threshold (Ong et al. 2024, RouteLLM).

    The knob is the share of prompts sent to the strong arm: t is looked up among the quantiles of the advantage
    seen on the validation split.

    Args:
        strong: column of the strong arm.
        weak: column of the weak arm.
        quantiles: ascending quantiles of the advantage at equal steps; empty until `fitted`.

    >>> estimates = Estimates(np.array([[0.1, 0.2], [0.1, 0.9]]), np.zeros((2, 2)), np.zeros((2, 2)))
    >>> policy = ThresholdPair(strong=1, weak=0).fitted(estimates, np.full((2, 2), np.nan))
    >>> policy.decide(Situation(estimates, np.full((2, 2), np.nan), np.array([0.5, 0.5]))).arm.tolist()
    [0, 1]
    """

    strong: int = 1
    weak: int = 0
    quantiles: tuple[float, ...] = ()

    @property
    def needs_cost(self) -> bool:
        """It never looks at costs."""
        return False

    def advantage(self, estimates: Estimates[Floats]) -> Floats:
        """How much better the strong arm is thought to be; (B,)."""
        quality = estimates.quality.astype(np.float64)
        return quality[:, self.strong] - quality[:, self.weak]

    def decide(self, on: Situation) -> Decision:
        """See `Policy.decide`; when only one of the pair is feasible, that one answers."""
        allowed = on.feasible
        if not (allowed[:, [self.weak, self.strong]]).any(axis=1).all():
            raise ValueError("neither arm of the pair is feasible for some row; this policy knows no third arm")
        go_strong = (self.advantage(on.estimates) > self._threshold(on.tradeoff)) | (on.tradeoff >= 1)
        go_strong = np.where(allowed[:, self.strong], go_strong | ~allowed[:, self.weak], False)
        arm = np.where(go_strong, self.strong, self.weak).astype(np.int64)
        reasons = tuple("above_threshold" if strong else "below_threshold" for strong in go_strong)
        return decided(arm, allowed.shape[1], reasons)

    def margin(self, on: Situation) -> Floats:
        """The advantage's distance from the threshold."""
        return np.abs(self.advantage(on.estimates) - self._threshold(on.tradeoff))

    def _threshold(self, tradeoff: Floats) -> Floats:
        if not self.quantiles:
            raise ValueError("threshold-pair has no scale yet: fit it on validation estimates first")
        steps = np.linspace(0.0, 1.0, len(self.quantiles))
        return np.where(tradeoff <= 0, np.inf, np.interp(1 - tradeoff, steps, self.quantiles))

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """Take 201 quantiles of the advantage."""
        return replace(self, quantiles=levels_of(self.advantage(estimates)))

    def knots(self, count: int) -> Floats:
        """Equal steps of the strong share."""
        return np.linspace(0.0, 1.0, count)
