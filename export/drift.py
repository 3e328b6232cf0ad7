"""How far an int8 router is from the router it was made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anabranch.data.outcomes import Outcomes
from anabranch.export.parity import ParityError
from anabranch.routers.policies.policy import Floats
from anabranch.routers.router import Router


@dataclass(frozen=True)
class Drift:
    """How estimates moved, int8 minus fp32, over B texts.

    Args:
        prompts: B.
        max_quality_change: the largest absolute change of estimated quality.
        mean_quality_change: the mean absolute change of estimated quality.
    """

    prompts: int
    max_quality_change: float
    mean_quality_change: float


@dataclass(frozen=True)
class DecisionDrift:
    """How decisions and what they achieved moved, over labelled prompts.

    Args:
        prompts: labelled prompts on which the quality of both choices is known.
        equal_decisions: share of all prompts on which both choose the same arm.
        quality_fp32: mean observed quality of the arms chosen by fp32.
        quality_int8: mean observed quality of the arms chosen by int8.
        cost_usd_fp32: mean observed cost of the arms chosen by fp32, USD a request; None if unknown.
        cost_usd_int8: mean observed cost of the arms chosen by int8, USD a request; None if unknown.
    """

    prompts: int
    equal_decisions: float
    quality_fp32: float
    quality_int8: float
    cost_usd_fp32: float | None
    cost_usd_int8: float | None

    @property
    def loss(self) -> float:
        """Mean observed quality lost to int8."""
        return self.quality_fp32 - self.quality_int8


def estimate_drift(fp32: Router, int8: Router, texts: Sequence[str]) -> Drift:
    """Compare estimated quality at the calibrated trade-off."""
    before, _ = fp32.estimates(texts, fp32.tradeoff)
    after, _ = int8.estimates(texts, int8.tradeoff)
    change = np.abs(after.quality - before.quality)
    return Drift(len(texts), float(change.max()), float(change.mean()))


def decision_drift(fp32: Router, int8: Router, outcomes: Outcomes, *, max_loss: float) -> DecisionDrift:
    """Compare decisions and what they achieved, at the calibrated trade-off.

    Args:
        fp32: the router as trained.
        int8: the router to be exported.
        outcomes: labelled prompts that training did not fit, with the routers' arms.
        max_loss: how much mean observed quality int8 may lose.

    Raises:
        ParityError: it loses more, or no quality is known.
    """
    before, after = (router.decide(outcomes.texts).arm for router in (fp32, int8))
    rows = np.arange(len(outcomes))
    known, quality = _known_means(outcomes.quality[rows, before], outcomes.quality[rows, after])
    priced, cost_usd = _known_means(outcomes.cost_usd[rows, before], outcomes.cost_usd[rows, after])
    if not known:
        raise ParityError(
            "no validation prompt has known quality on the arms chosen, so int8 cannot be judged: export fp32"
        )
    drift = DecisionDrift(known, float((before == after).mean()), *quality, *(cost_usd if priced else (None, None)))
    if drift.loss > max_loss:
        raise ParityError(
            f"int8 loses {drift.loss:.4f} mean quality on {known} validation prompts "
            f"({drift.quality_fp32:.4f} to {drift.quality_int8:.4f}); at most {max_loss:g} is allowed: "
            "export fp32, or raise --max-loss"
        )
    return drift


def _known_means(before: Floats, after: Floats) -> tuple[int, tuple[float, float]]:
    """How many rows know both, and the means over those."""
    known = ~np.isnan(before) & ~np.isnan(after)
    if not known.any():
        return 0, (np.nan, np.nan)
    return int(known.sum()), (float(before[known].mean()), float(after[known].mean()))
