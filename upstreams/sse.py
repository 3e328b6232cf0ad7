"""Server-sent events: bytes in any pieces to events, and back."""

import re
from typing import NamedTuple

LINE_END = re.compile(rb"\r\n|\n|\r")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event; data stays bytes, so that a character split over two pieces is whole again."""

    data: bytes
    type: bytes = b"message"


def event_bytes(data: bytes) -> bytes:
    """One event of one line of data.

    >>> EventParser().feed(event_bytes(b"[DONE]"))
    [Event(data=b'[DONE]', type=b'message')]
    """
    return b"data: " + data + b"\n\n"


class EventParser:
    r"""Parser of an event stream; an event that no blank line ends is dropped, as the standard asks.

    Source: WHATWG HTML, section 9.2.6, "Interpreting an event stream".

    >>> parser = EventParser()
    >>> parser.feed(b"data: on"), parser.feed(b"e\r\n: a comment\r\ndata: two\r\n\r\n")
    ([], [Event(data=b'one\ntwo', type=b'message')])
    """

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._first = True
        self._data: list[bytes] = []
        self._type = b""

    def feed(self, piece: bytes) -> list[Event]:
        """The events that `piece` completes."""
        if not piece:
            return []
        # a CR at the end of a piece has ended its line already; an LF that follows belongs to it
        fresh = piece[1:] if self._after_cr and piece.startswith(b"\n") else piece
        self._after_cr = piece.endswith(b"\r")
        *lines, self._rest = LINE_END.split(self._rest + fresh)
        return [event for line in lines if (event := self._take(line)) is not None]

    def _take(self, line: bytes) -> Event | None:
        if self._first:
            line, self._first = line.removeprefix(BYTE_ORDER_MARK), False
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
        elif name == b"event":
            self._type = value.removeprefix(b" ")
        return None

    def _dispatch(self) -> Event | None:
        event = Event(b"\n".join(self._data), self._type or b"message") if self._data else None
        self._data, self._type = [], b""
        return event
