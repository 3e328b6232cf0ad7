"""Continuations of a row that are to be scored: what is known of them already, and what is read of the rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from anabranch.upstreams.local.live_row import Draft, LiveRow
from anabranch.upstreams.local.pack import Branch, Pack


@dataclass(frozen=True, eq=False)
class Asked:
    """B continuations of one row.

    Args:
        live: the row.
        branches: B.
        heads: B, what is known to follow the ids that a branch begins after, (V,); None if it is not known, or not
            wanted.
    """

    live: LiveRow
    branches: tuple[Branch, ...]
    heads: tuple[Tensor | None, ...]

    @classmethod
    def of(cls, live: LiveRow, texts: Sequence[bytes]) -> "Asked":
        """What a row knows of some continuations of its text."""
        branches = tuple(Branch(*live.with_more(text)) for text in texts)
        return cls(live, branches, tuple(live.said(one.base) if one.ids else None for one in branches))

    @property
    def unsaid(self) -> list[int]:
        """Numbers of ids that branches begin after, and for which it is not known what follows."""
        pairs = zip(self.branches, self.heads, strict=True)
        return [branch.base for branch, head in pairs if branch.ids and head is None]

    @property
    def reads(self) -> bool:
        """Whether the model must read anything to score them."""
        return bool(self.unsaid) or any(len(branch.ids) > 1 for branch in self.branches)

    @property
    def start(self) -> int:
        """The first of the row's own ids that is read with them, since it is pending or something follows from it."""
        return min([self.live.same, *(base - 1 for base in self.unsaid)])

    @property
    def trunk(self) -> list[int]:
        """The row's own ids that are read with them."""
        return self.live.ids[self.start :]

    def pack(self) -> Pack:
        """All that is read."""
        return Pack.of(self.start, self.trunk, self.branches)

    @property
    def first(self) -> int:
        """The first place in the pack after which it is asked what follows."""
        return max(0, min([len(self.live.ids), *self.unsaid]) - 1 - self.start)

    def known(self) -> list[Tensor]:
        """Scores (ids,) of each, if nothing must be read."""
        return [_picked(head, None, one.ids) for one, head in zip(self.branches, self.heads, strict=True)]

    def read(self, pack: Pack, said: Tensor) -> list[Tensor]:
        """Scores (ids,) of each, now that the pack was read; the row keeps what was said.

        Args:
            pack: its ids are in the cache.
            said: log-probabilities of what follows each id from `first` on, (ids, V).
        """
        live, start, first, trunk = self.live, self.start, self.first, self.trunk
        live.forget(start)
        live.note(trunk, said[len(trunk) - 1 - first].clone() if trunk else None)
        scored = []
        for (base, ids), head, begin in zip(self.branches, self.heads, pack.begins, strict=True):
            inner = said[begin - first :][: len(ids)]  # after each of its ids
            if ids and head is None:
                head = said[base - 1 - start - first]
            scored.append(_picked(head, inner, ids).clone())
            if ids:
                live.drafts.append(Draft(base, ids, start + begin, inner[-1].clone()))
        return scored


def _picked(head: Tensor | None, inner: Tensor | None, ids: Sequence[int]) -> Tensor:
    """What was said of each of some ids, (n,).

    Args:
        head: before the first, (V,); None if there are no ids.
        inner: after each, (n, V); None if there is one at the most.
        ids: n.
    """
    if head is None:
        return torch.zeros(0)
    chosen = torch.tensor(ids, dtype=torch.int64, device=head.device)
    if inner is None:
        return head[chosen]
    return torch.cat([head[chosen[:1]], inner[:-1].gather(1, chosen[1:, None])[:, 0]])
