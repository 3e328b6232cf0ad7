"""The text of one completion as it is written, and the tokens that make it up."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from anabranch.upstreams.local.detokeniser import Decode, Detokeniser
from anabranch.upstreams.local.pieces import Piece, WrittenToken
from anabranch.upstreams.local.scored import Scored
from anabranch.upstreams.local.stop_strings import StopStrings


class Writer:
    """Tokens in, pieces of text out; a piece has the tokens that end in it.

    Args:
        decode: ids to text.
        stops: strings that end the text.
        keeps_tokens: whether anybody wants the tokens.
    """

    def __init__(self, decode: Decode, stops: Sequence[str], keeps_tokens: bool) -> None:
        self._text = Detokeniser(decode)
        self._stop = StopStrings(stops)
        self._keeps_tokens = keeps_tokens
        self._waiting: list[tuple[int, WrittenToken]] = []  # each with where it ends
        self._read = self._given = 0  # characters

    @property
    def stopped(self) -> bool:
        """Whether a stop string ended the text."""
        return self._stop.met

    def add(self, token: Scored) -> Piece:
        """What can be given out now."""
        piece = self._text.add(token.token)
        self._read += len(piece)
        if self._keeps_tokens:
            self._waiting.append((self._read, WrittenToken(piece, token)))
        return self._give(self._stop.add(piece))

    def rest(self) -> Piece:
        """What was held back, once there are no more tokens; after a stop string, the token that it cut."""
        piece = Piece("") if self.stopped else self._give_late(self._text.rest())
        return replace(piece, tokens=(*piece.tokens, *self._cut()))

    def _give_late(self, late: str) -> Piece:
        if late and self._waiting:
            end, last = self._waiting[-1]
            self._waiting[-1] = (end + len(late), replace(last, text=last.text + late))
        return self._give(self._stop.add(late) + self._stop.rest())

    def _give(self, text: str) -> Piece:
        self._given += len(text)
        ready = next((at for at, (end, _) in enumerate(self._waiting) if end > self._given), len(self._waiting))
        if ready and ready == len(self._waiting) and self._text.holds_back:
            ready -= 1  # what is held back may become the last token's
        given, self._waiting = self._waiting[:ready], self._waiting[ready:]
        return Piece(text, tuple(token for _, token in given))

    def _cut(self) -> Iterator[WrittenToken]:
        for end, token in self._waiting:
            kept = len(token.text) - (end - self._given)
            if kept > 0:
                yield replace(token, text=token.text[:kept])
