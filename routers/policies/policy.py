"""The policy contract: estimates and costs in, a decision out; pure and row-wise."""

from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from anabranch.routers.estimates import Estimates

Floats = NDArray[np.floating]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Decision:
    """What a policy chose for B prompts among A arms.

    Args:
        arm: int64 [B], the arm that answers.
        members: bool [B, A], every arm to call; for most policies just `arm`.
        propensity: float64 [B, A], probability of each arm being `arm`; rows sum to 1.
        reason: B short codes, one a row.
    """

    arm: NDArray[np.int64]
    members: Bools
    propensity: Floats
    reason: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Situation:
    """What a policy decides on: B prompts, A arms.

    Args:
        estimates: arrays [B, A].
        cost_usd: float64 [B, A], expected USD of the request on each arm; NaN if unknown.
        tradeoff: float64 [B] in [0, 1], 0 = cheapest, 1 = best.
        mask: bool [B, A], the feasible arms; all if None.
        u: float64 [B] in [0, 1), the randomness of policies that explore, see `draws`.
    """

    estimates: Estimates[Floats]
    cost_usd: Floats
    tradeoff: Floats
    mask: Bools | None = None
    u: Floats | None = None

    @property
    def quality(self) -> Floats:
        """Estimated quality in float64, [B, A]."""
        return self.estimates.quality.astype(np.float64)

    @property
    def feasible(self) -> Bools:
        """The mask [B, A], all True if there is none.

        Raises:
            ValueError: the mask has another shape, or a row has no feasible arm.
        """
        shape = self.estimates.quality.shape
        if self.mask is None:
            return np.ones(shape, dtype=bool)
        if self.mask.shape != shape:
            raise ValueError(f"mask has shape {self.mask.shape}; estimates have {shape}")
        if not self.mask.any(axis=1).all():
            row = int(np.argmin(self.mask.any(axis=1)))
            raise ValueError(f"row {row} has no feasible arm: relax the request's needs or add an arm that meets them")
        return self.mask


class Policy(Protocol):
    """A frozen dataclass of settings with one decision rule."""

    @property
    def needs_cost(self) -> bool:
        """Whether trade-offs below 1 have no meaning while costs are unknown."""

    def decide(self, on: Situation) -> Decision:
        """Choose an arm a row; pure, and each row by itself.

        Raises:
            ValueError: a row has no feasible arm, or the policy needs costs that are unknown.
        """

    def margin(self, on: Situation) -> Floats:
        """How far each row is from another decision, (B,), in units of quality; all arms feasible."""

    def fitted(self, estimates: Estimates[Floats], cost_usd: Floats) -> Self:
        """The same policy with its knob's scale set from validation estimates [N, A] and costs [N, A]."""

    def knots(self, count: int) -> Floats:
        """`count` trade-offs from 0 to 1 at which a curve is worth drawing."""


def decided(arm: NDArray[np.int64], arms: int, reason: str | tuple[str, ...]) -> Decision:
    """A deterministic decision for one arm a row; arm (B,)."""
    members = np.zeros((len(arm), arms), dtype=bool)
    members[np.arange(len(arm)), arm] = True
    codes = reason if isinstance(reason, tuple) else (reason,) * len(arm)
    return Decision(arm, members, members.astype(np.float64), codes)


def lead(score: Floats) -> Floats:
    """The best score's lead over the second a row; infinite for a single arm. (B, A) -> (B,)."""
    if score.shape[1] == 1:
        return np.full(len(score), np.inf)
    top = np.partition(score, -2, axis=1)
    return top[:, -1] - top[:, -2]


def require_cost(cost_usd: Floats, policy: str) -> None:
    """Refuse unknown costs.

    Raises:
        ValueError: any cost is NaN.
    """
    if np.isnan(cost_usd).any():
        raise ValueError(
            f"policy {policy!r} needs a cost for every arm and some are unknown; give --prices or use trade-off 1"
        )


def best_then_cheapest(score: Floats, cost_usd: Floats) -> NDArray[np.int64]:
    """The arm with the highest score a row; ties go to the cheaper arm, then to the first. (B, A) -> (B,)."""
    # ties go to the cheaper arm, so that a flat estimator costs nothing extra; an unknown cost is the dearest
    tied = score == score.max(axis=1, keepdims=True)
    price = np.where(tied, np.nan_to_num(cost_usd, nan=np.finfo(np.float64).max), np.inf)
    cheapest: NDArray[np.int64] = price.argmin(axis=1)
    return cheapest
