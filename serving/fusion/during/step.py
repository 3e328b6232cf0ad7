"""The contract of methods: what a step adds to texts."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.upstreams.local.sampling import Sampling


class Added(NamedTuple):
    """What a step adds to one text.

    Args:
        symbol: of the union.
        written: its bytes; they need not be whole characters. Empty if the text ends.
        ends: whether the text is over.
        asked: which models were asked for it.
        logprob: natural log of its probability, by those that decided, before temperature and top-p.
    """

    symbol: int
    written: bytes
    ends: bool
    asked: tuple[int, ...]
    logprob: float


class Step(Protocol):
    """A frozen dataclass of settings."""

    def __call__(
        self, ensemble: Ensemble, texts: Sequence[Text], weights: Tensor, sampling: Sequence[Sampling]
    ) -> list[Added]:
        """What to add to each of n texts, at least one.

        Args:
            ensemble: M models; one that is not asked computes nothing.
            texts: n.
            weights: float32 (n, M), not negative, of each text's models; rows sum to 1.
            sampling: n, how to choose, with each text's own draws.
        """


def added(ensemble: Ensemble, symbols: Sequence[int], logprobs: Sequence[float], asked: tuple[int, ...]) -> list[Added]:
    """What symbols of the union write."""
    union = ensemble.union
    return [
        Added(symbol, union.texts[symbol], symbol == union.end, asked, logprob)
        for symbol, logprob in zip(symbols, logprobs, strict=True)
    ]
