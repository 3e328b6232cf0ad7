"""How a request wants its tokens chosen."""

import random

LARGEST_BELOW_ONE = 1 - 2**-24  # in float32, which the draw is compared in


class Sampling:
    """The settings of one request and its own random numbers, the same for a seed on any device and in any batch.

    Args:
        temperature: of the softmax; 0 takes the likeliest token.
        top_p: share of the probability that is drawn from, the likeliest tokens first.
        seed: of the draws; None for new ones each time.

    >>> Sampling(0.7, seed=3).draw() == Sampling(0.7, seed=3).draw()
    True
    """

    def __init__(self, temperature: float = 0.0, top_p: float = 1.0, seed: int | None = None) -> None:
        self.temperature, self.top_p = temperature, top_p
        self._rng = random.Random(seed)

    def draw(self) -> float:
        """The next number in [0, 1), still below 1 in float32."""
        return min(self._rng.random(), LARGEST_BELOW_ONE)
