"""One row of a model: what its ids are, which of them the model has read, and what it said last."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor

from anabranch.upstreams.local.canonical import Canonical, CanonicalText, common_length

KEPT = 8  # lengths of a row whose log-probabilities are kept


class Draft(NamedTuple):
    """A continuation that was scored, and whose keys and values are in the cache beyond the row's end.

    Args:
        base: ids of the row before it.
        ids: of the continuation.
        column: of the first of them.
        after: log-probabilities of what follows it, (V,).
    """

    base: int
    ids: list[int]
    column: int
    after: Tensor


@dataclass(eq=False)
class LiveRow:
    """Ids that are wanted, and ids that were read; the two differ until the row is asked.

    Args:
        prompt: number of ids before the text.
        ids: of prompt and text.
        text: after the prompt.
        place: in the cache.
    """

    prompt: int
    ids: list[int]
    text: CanonicalText
    place: int

    def __post_init__(self) -> None:
        self._read: list[int] = []  # in the cache, column by column
        self._same = 0  # so many of those are the row's ids, at the least
        self._kept: dict[int, Tensor] = {}  # by number of ids, rising
        self.drafts: list[Draft] = []

    @classmethod
    def after(cls, prompt: Sequence[int], encoder: Canonical, place: int) -> "LiveRow":
        """A row that begins with a prompt."""
        return cls(len(prompt), [*prompt], CanonicalText(encoder), place)

    @property
    def same(self) -> int:
        """How many ids at the beginning have been read, and are in the cache."""
        self._same += common_length(self._read[self._same :], self.ids[self._same :])
        return self._same

    def write(self, text: bytes) -> None:
        """Make this the text after the prompt."""
        first = self.prompt + self.text.write(text)
        self.ids[first:] = self.text.ids[first - self.prompt :]
        self._same = min(self._same, first)

    def with_more(self, more: bytes) -> tuple[int, list[int]]:
        """How many ids would stay if this were added to the text, and those that would follow them."""
        same, ids = self.text.with_more(more)
        return self.prompt + same, ids

    def said(self, length: int) -> Tensor | None:
        """Log-probabilities (V,) of what follows so many ids, if they are still known."""
        return self._kept.get(length) if length <= self.same else None

    def forget(self, length: int) -> None:
        """What was read of more than so many ids is written over."""
        self.drafts = []
        if len(self._read) > length:
            del self._read[length:]
            self._same = min(self._same, length)
            self._kept = {known: said for known, said in self._kept.items() if known <= length}

    def note(self, ids: Sequence[int], said: Tensor | None) -> None:
        """These were read after the others, and then this was said of what follows."""
        self._read += ids
        if said is not None:
            self._kept[len(self._read)] = said
            while len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]

    def drafted(self) -> tuple[Draft, int] | None:
        """The draft that begins with most of the ids that are to be read next, and with how many."""
        if not self.drafts:
            return None
        wanted = self.ids[self.same :]
        fitting = [(draft, common_length(draft.ids, wanted)) for draft in self.drafts if draft.base == self.same]
        best = max(fitting, key=lambda each: each[1], default=None)
        return best if best is not None and best[1] > 0 else None

    def copy(self, place: int) -> "LiveRow":
        """Another row that is where this one is."""
        other = replace(self, ids=[*self.ids], text=self.text.copy(), place=place)
        other._read, other._same = [*self._read], self._same
        other._kept, other.drafts = {**self._kept}, [*self.drafts]
        return other
