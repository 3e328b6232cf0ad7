"""A router as evaluation and serving see it, wherever its estimates come from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.costing import Costing
from anabranch.routers.estimates import Estimates, QualityKind
from anabranch.routers.policies.draws import draws
from anabranch.routers.policies.policy import Bools, Decision, Floats, Policy, Situation


class Estimate(Protocol):
    """Text to estimates: a torch module in training, an ONNX session in serving."""

    def __call__(self, texts: Sequence[str], tradeoff: Floats | None) -> Estimates[Floats]:
        """Estimates [B, A] of B routing texts; tradeoff (B,) for estimators that read it."""


@dataclass(frozen=True, eq=False)
class Router:
    """Estimates, their costs, and a policy: text in, decision out.

    Args:
        name: what reports call it.
        arms: A names.
        estimate: text to estimates.
        costing: usage to USD.
        policy: estimates to a decision.
        tradeoff: the calibrated default of the knob, 0 = cheapest, 1 = best.
        quality_kind: what the estimates' quality means.
        reads_tradeoff: whether the estimates depend on the trade-off.
        origin: names the training it comes from; a run and its bundles share it.
    """

    name: str
    arms: tuple[str, ...]
    estimate: Estimate
    costing: Costing
    policy: Policy
    tradeoff: float
    quality_kind: QualityKind
    reads_tradeoff: bool = False
    origin: str = ""

    def at(self, tradeoff: float) -> "Router":
        """The same router with another default trade-off.

        Raises:
            ValueError: it is outside [0, 1].
        """
        if not 0 <= tradeoff <= 1:
            raise ValueError(f"tradeoff is {tradeoff}; it must lie in [0, 1], 0 = cheapest, 1 = best")
        return replace(self, tradeoff=tradeoff)

    def estimates(self, texts: Sequence[str], tradeoff: float) -> tuple[Estimates[Floats], NDArray[np.float64]]:
        """Estimates and expected cost in USD of B routing texts, each [B, A]."""
        knob = np.full(len(texts), tradeoff, np.float32) if self.reads_tradeoff else None
        estimates = self.estimate(texts, knob)
        return estimates, self.costing.usd(estimates.usage, list(texts))

    def situation(self, texts: Sequence[str], tradeoff: float | None = None, mask: Bools | None = None) -> Situation:
        """What the policy decides B routing texts on, with their draws; tradeoff defaults to the calibrated one."""
        knob = self.tradeoff if tradeoff is None else tradeoff
        estimates, cost_usd = self.estimates(texts, knob)
        return Situation(estimates, cost_usd, np.full(len(texts), knob), mask, draws(texts))

    def decide(self, texts: Sequence[str], tradeoff: float | None = None, mask: Bools | None = None) -> Decision:
        """Decisions for B routing texts; tradeoff defaults to the calibrated one."""
        return self.policy.decide(self.situation(texts, tradeoff, mask))
