"""A stretch that one model writes after texts, for others to judge."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from anabranch.serving.fusion.during.alone import alone
from anabranch.serving.fusion.during.ensemble import Ensemble, Text
from anabranch.serving.fusion.during.step import Added


class Chosen(NamedTuple):
    """A token that a model has chosen.

    Args:
        token: as it would be added.
        end: natural log of the probability that the model gave the end in its stead.
    """

    token: Added
    end: float


@dataclass(frozen=True)
class Limit:
    """How long a draft becomes, if the model does not end the text before.

    Args:
        tokens: at most; above 0.
        words: of these the last is written whole; None for no limit. A word begins at a token whose first byte is ASCII
            whitespace, after a byte that is not; the draft's first word begins with it wherever that is.
    """

    tokens: int
    words: int | None = None


class Draft(NamedTuple):
    """What one model would have follow a text.

    Args:
        place: of the model.
        chosen: at least one token; none but the last ends the text.
        beyond: tokens that the model has chosen to follow those, and which are no part of the draft.
        computed: tokens that the model was asked for; not those that it had chosen before.
    """

    place: int
    chosen: tuple[Chosen, ...]
    beyond: tuple[Chosen, ...] = ()
    computed: int = 0

    @property
    def tokens(self) -> tuple[Added, ...]:
        """As they would be added."""
        return tuple(one.token for one in self.chosen)

    @property
    def written(self) -> bytes:
        """All of its bytes."""
        return b"".join(token.written for token in self.tokens)

    @property
    def ends(self) -> bool:
        """Whether the text is over after it."""
        return self.chosen[-1].token.ends

    def cut(self, tokens: int) -> "Draft":
        """Its first tokens; the others are beyond it."""
        return self._replace(chosen=self.chosen[:tokens], beyond=self.chosen[tokens:] + self.beyond)


def draft(
    ensemble: Ensemble,
    place: int,
    texts: Sequence[Text],
    limit: Limit,
    before: Sequence[Sequence[Chosen]] | None = None,
) -> list[Draft]:
    """What one model writes after n texts, each token in one forward of all texts that it still writes.

    Tokens are chosen as the text's sampling has it. A draft also stops where some model has no room for more; a first
    token that is too much already is the draft. The word that is not in it any more is known by its first token alone,
    so a draft of k tokens takes k forwards or k + 1. A draft does not end within a character, unless it is but a part
    of one.

    Args:
        ensemble: M models.
        place: which of them.
        texts: n; they are not changed.
        limit: of each draft.
        before: n, what the model chose to follow each text when it was asked before: the draft begins with it, so that
            what is drawn is drawn once, and the texts that a model writes alone do not depend on the limit.
    """
    writing = [_Writing(text, [*ahead]) for text, ahead in zip(texts, before or [()] * len(texts), strict=True)]
    while True:
        for one in writing:
            one.go_on(ensemble, limit)
        going = [one for one in writing if not one.over]
        if not going:
            return [one.draft(place) for one in writing]
        for one, chosen in zip(going, _chosen(ensemble, place, [one.so_far for one in going]), strict=True):
            one.ahead.append(chosen)
            one.computed += 1


def after(text: Text, written: bytes) -> Text:
    """The text with more written, which is only tried."""
    return replace(text, written=text.written + written)


@dataclass(eq=False)
class _Writing:
    """A draft that is being written.

    Args:
        text: which it follows.
        ahead: tokens that were chosen, and are not in it, or not yet.
    """

    text: Text
    ahead: list[Chosen]
    taken: list[Chosen] = field(default_factory=list)
    words: int = 1
    computed: int = 0
    over: bool = False

    @property
    def so_far(self) -> Text:
        return after(self.text, _written(self.taken))

    def go_on(self, ensemble: Ensemble, limit: Limit) -> None:
        """Take what is ahead, until it is over."""
        while self.ahead and not self.over:
            self._take(ensemble, limit)

    def draft(self, place: int) -> Draft:
        """What was written, in whole characters."""
        found = Draft(place, tuple(self.taken), tuple(self.ahead), self.computed)
        if found.ends:
            return found
        ends = range(len(found.chosen), 0, -1)
        return found.cut(next((end for end in ends if self._is_whole(found.chosen[:end])), ends[0]))

    def _take(self, ensemble: Ensemble, limit: Limit) -> None:
        taken = [*self.taken, self.ahead[0]]
        fits = ensemble.fits(after(self.text, _written(taken)))
        self.words += len(taken) > 1 and _begins_word(_written(self.taken), self.ahead[0].token.written)
        many = limit.words is not None and self.words > limit.words
        self.over = len(taken) > 1 and (many or not fits)
        if not self.over:
            self.taken = taken
            self.over = self.ahead.pop(0).token.ends or not fits or len(taken) == limit.tokens

    def _is_whole(self, chosen: Sequence[Chosen]) -> bool:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        decoder.decode((self.text.written + _written(chosen))[-3:])  # no character that lacks a byte has more
        return not decoder.getstate()[0]


def _chosen(ensemble: Ensemble, place: int, texts: Sequence[Text]) -> list[Chosen]:
    said = ensemble.ask(place, texts)
    ends = said[:, ensemble.union.columns[place] == ensemble.union.end].logsumexp(dim=1).tolist()
    tokens = alone(ensemble, place, said, texts)
    return [Chosen(token, end) for (token,), end in zip(tokens, ends, strict=True)]


def _written(chosen: Sequence[Chosen]) -> bytes:
    return b"".join(one.token.written for one in chosen)


def _begins_word(before: bytes, written: bytes) -> bool:
    return written[:1].isspace() and not before[-1:].isspace()
