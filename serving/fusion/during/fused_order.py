"""What is wanted of a text that several models write."""

import math
from dataclasses import dataclass

from anabranch.upstreams.local.completion import Order


@dataclass(frozen=True)
class FusedOrder(Order):
    """An order of several models.

    Args:
        prompts: M, what each of them begins with; `prompt` is the first one's.
        weights: M; they sum to 1.
        routing_text: what a router makes other weights of, if there is one; None to leave them.
        until_s: on the monotonic clock, after which nothing is added.
    """

    prompts: tuple[tuple[int, ...], ...] = ()
    weights: tuple[float, ...] = ()
    routing_text: str | None = None
    until_s: float = math.inf

    @property
    def longest_prompt(self) -> int:
        """Ids that the model reads which has most of them."""
        return max(map(len, self.prompts))

    @property
    def prompt_tokens(self) -> int:
        """Of all models together that have any weight, as those read it."""
        return sum(len(prompt) for prompt, weight in zip(self.prompts, self.weights, strict=True) if weight > 0)
