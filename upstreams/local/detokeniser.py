"""Token ids to text as they come, never half a character."""

from collections.abc import Callable, Sequence

WINDOW = 16
UNFINISHED = 3  # bytes of a character that may be there before its last

Decode = Callable[[Sequence[int]], str]


class Detokeniser:
    """The text of a growing list of tokens.

    A few tokens back are decoded again with each new one, since what a token adds can depend on those before it.
    A character whose bytes are not all there, which decoders show as U+FFFD, is held back until they are.

    Args:
        decode: ids to text.

    >>> text = Detokeniser(lambda ids: bytes(ids).decode(errors="replace"))
    >>> [text.add(byte) for byte in "né".encode()], text.rest()
    (['n', '', 'é'], '')
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._window: list[int] = []
        self._given = 0  # characters of the window's text
        self.holds_back = False

    def add(self, token: int) -> str:
        """The characters that are certain now and were not before."""
        self._window.append(token)
        text = self._decode(self._window)
        whole = text.rstrip("\N{REPLACEMENT CHARACTER}")
        certain = max(len(whole), len(text) - UNFINISHED)
        piece = text[self._given : certain]
        self.holds_back = certain < len(text)
        self._given = max(self._given, certain)
        if len(self._window) >= WINDOW and len(whole) == len(text):
            self._window = self._window[-WINDOW // 2 :]
            self._given = len(self._decode(self._window))
        return piece

    def rest(self) -> str:
        """What is still held back, once there are no more tokens: U+FFFD for what never became a character."""
        piece = self._decode(self._window)[self._given :]
        self.holds_back = False
        self._given += len(piece)
        return piece
