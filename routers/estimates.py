"""Estimates: what an estimator says about every arm, as tensors or as arrays."""

from typing import Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")

QualityKind = Literal["calibrated", "win_rate", "score"]
"""What `quality` means: expected quality in [0, 1]; sigmoid of a centred strength; or any score, higher better."""


class Estimates(NamedTuple, Generic[T]):
    """Estimates for B prompts and A arms.

    Attributes:
        quality: float32 [B, A], meaning given by the estimator's `quality_kind`.
        usage: float32 [B, A], completion tokens or USD, as the router's costing says; NaN if unknown.
        spread: float32 [B, A], standard deviation of `quality`; 0 if unknown.
    """

    quality: T
    usage: T
    spread: T
