"""The contract of methods: what a step adds to texts."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.table import Table


class Added(NamedTuple):
    """A token that a step adds to one text.

    Args:
        symbol: of the union.
        written: its bytes; they need not be whole characters. Empty if the text ends.
        ends: whether the text is over.
        by: which models decided on it.
        logprob: natural log of its probability, by those that decided, before temperature and top-p.
        computed: M, tokens that each model computed for it.
        top: as many symbols as the text wants, the likeliest in its place first, and their log-probabilities.
    """

    symbol: int
    written: bytes
    ends: bool
    by: tuple[int, ...]
    logprob: float
    computed: tuple[int, ...]
    top: tuple[tuple[int, float], ...] = ()


Needs = Literal["whole", "top", "scores"]
"""What a method is told by its models: what they think of all their tokens, of the likeliest alone, or of those and of
texts that others write."""


class Step(ABC):
    """A method; a frozen dataclass of settings, so that the same one serves any number of texts."""

    needs: ClassVar[Needs] = "whole"

    @property
    def top(self) -> int:
        """Likeliest tokens of each model that it looks at, if it needs no others."""
        return 1

    def check(self, models: int) -> None:
        """Raise `ValueError` if a setting cannot be with so many models."""
        return

    def begin(self, ensemble: Ensemble, texts: Sequence[Text]) -> None:
        """Called once for texts that begin, before the first step of them; it may set `weights` and `memory`."""
        return

    @abstractmethod
    def __call__(self, ensemble: Ensemble, texts: Sequence[Text]) -> list[tuple[Added, ...]]:
        """What to add to each of n texts, a token at least; the texts are not changed.

        A model that is not asked computes nothing. Of several tokens of a text none but the last ends it, and the last
        may not be used if the text is over before.
        """


def added(
    ensemble: Ensemble, table: Table, texts: Sequence[Text], by: Sequence[tuple[int, ...]]
) -> list[tuple[Added, ...]]:
    """One token of each of n texts, chosen from what may follow, for which each of its models `by` computed one."""
    union, places = ensemble.union, range(len(ensemble.models))
    chosen = zip(*table.chosen([text.sampling for text in texts]), strict=True)
    tops = table.likeliest([text.top for text in texts])
    return [
        (Added(symbol, union.texts[symbol], symbol == union.end, who, logprob, _each_one(who, places), top),)
        for (symbol, logprob), top, who in zip(chosen, tops, by, strict=True)
    ]


def _each_one(by: tuple[int, ...], places: Sequence[int]) -> tuple[int, ...]:
    return tuple(int(place in by) for place in places)
