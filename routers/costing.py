"""From estimated usage to USD a request, at current prices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anabranch.data.outcomes import Floats, UsageKind


@dataclass(frozen=True)
class Costing:
    """How an estimate of usage becomes USD.

    Args:
        usage_kind: completion_tokens are multiplied by prices, cost_usd is taken as it is, unknown stays unknown.
        input_usd: USD a prompt token, one an arm; only for completion_tokens.
        output_usd: USD a completion token, one an arm; only for completion_tokens.
        tokens_per_char: prompt tokens a character of routing text, one an arm, as seen in training.
        price_date: where the prices come from.

    >>> costing = Costing("completion_tokens", input_usd=(1e-6,), output_usd=(2e-6,), tokens_per_char=(0.25,))
    >>> float(costing.usd(np.array([[100.0]]), ["x" * 400])[0, 0])
    0.0003
    """

    usage_kind: UsageKind
    input_usd: tuple[float, ...] = ()
    output_usd: tuple[float, ...] = ()
    tokens_per_char: tuple[float, ...] = ()
    price_date: str = ""

    @property
    def reprices(self) -> bool:
        """Whether a new price table changes the costs."""
        return self.usage_kind == "completion_tokens"

    def usd(self, usage: Floats, texts: list[str]) -> NDArray[np.float64]:
        """Expected USD a request; usage (B, A), one routing text a row -> (B, A), NaN if unknown."""
        if self.usage_kind == "unknown":
            return np.full(usage.shape, np.nan)
        amount = np.maximum(usage.astype(np.float64), 0.0)
        if self.usage_kind == "cost_usd":
            return amount
        chars = np.array([len(text) for text in texts], dtype=np.float64)
        prompt = chars[:, None] * np.array(self.tokens_per_char)  # (B, A)
        total: NDArray[np.float64] = prompt * np.array(self.input_usd) + amount * np.array(self.output_usd)
        return total
