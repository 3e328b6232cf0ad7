"""Prediction entropy."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from scipy.special import entr, softmax

from anabranch.training.streams.rule import View


@dataclass(frozen=True)
class Entropy:
    """Call where the student's belief is spread: the value is its entropy in nats, and h the most that is trusted.

    A student that knows one answer has no belief to speak of.
    """

    surer: ClassVar[Literal["higher", "lower"]] = "lower"

    def value(self, view: View) -> float:
        """The entropy of the answers' probabilities."""
        logits = view.logits
        return float(entr(softmax(logits)).sum()) if len(logits) > 1 else np.nan

    def calls(self, value: float, h: float) -> bool:
        """Whether the entropy is above h."""
        return value > h
