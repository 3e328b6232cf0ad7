"""A text that a server goes on with: what it is now, what of it the server has been sent, and what it said."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from anabranch.upstreams.local.canonical import CanonicalText, common_length

KEPT = 8  # of what was said, and of what was sent


@dataclass(eq=False)
class ServerRow:
    """One row.

    Args:
        prompt: ids before the text.
        text: after the prompt.
        said: log-probabilities (V,) of what follows some texts, by their ids, the newest last.
        sent: ids of prompt and text, as they were sent last.
    """

    prompt: tuple[int, ...]
    text: CanonicalText
    said: dict[tuple[int, ...], Tensor] = field(default_factory=dict)
    sent: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def ids(self) -> tuple[int, ...]:
        """Of the text."""
        return tuple(self.text.ids)

    def note(self, ids: tuple[int, ...], law: Tensor) -> None:
        """This follows that text."""
        self.said[ids] = law
        for old in [*self.said][:-KEPT]:
            del self.said[old]

    def send(self, texts: Sequence[tuple[int, ...]]) -> int:
        """Note that these ids are sent, several at once; how many of them were not sent before."""
        new = sum(len(ids) - max((common_length(ids, one) for one in self.sent), default=0) for ids in texts)
        self.sent = [*self.sent[-1:], *texts][-max(KEPT, len(texts)) :]
        return new

    def copy(self) -> "ServerRow":
        """Another row that is where this one is."""
        return ServerRow(self.prompt, self.text.copy(), {**self.said}, [*self.sent])
