from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from anabranch.upstreams.sse import Event, EventParser

STREAM = (
    "\ufeff: hello\r\n"
    'data: {"text":"Zoë 🦫"}\r\n\r\n'
    "data:one\r\ndata:two\r\n\r\n"
    "event: error\rdata:first\rdata:  second\r\r"
    "id: 7\nretry: 10\ndata\n\n"
    "event: nothing\n\n"
    "data: [DONE]\n\n"
    "data: never ended\n"
).encode()

EVENTS = [
    Event('{"text":"Zoë 🦫"}'.encode()),
    Event(b"one\ntwo"),
    Event(b"first\n second", b"error"),
    Event(b""),
    Event(b"[DONE]"),
]


def parsed(pieces: list[bytes]) -> list[Event]:
    parser = EventParser()
    return [event for piece in pieces for event in parser.feed(piece)]


def test_line_ends_comments_fields_and_ends_of_events() -> None:
    """One blank after the colon is dropped, not two; an event without data is none; nor is one without a blank line."""
    assert parsed([STREAM]) == EVENTS


def test_byte_by_byte() -> None:
    """Splits CR LF, the byte order mark, and a character of four bytes."""
    assert parsed([bytes([byte]) for byte in STREAM]) == EVENTS


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(STREAM)]
    assert parsed([STREAM[start:end] for start, end in pairwise(edges)]) == EVENTS


@given(st.text("\r\n:ad t", max_size=40), st.data())
def test_pieces_of_any_bytes_do_not_matter(text: str, data: st.DataObject) -> None:
    raw = text.replace("a", "data:").encode()
    cut = data.draw(st.integers(0, len(raw)))
    assert parsed([raw[:cut], raw[cut:]]) == parsed([raw])


def test_an_event_is_told_at_once() -> None:
    """The blank line ends with CR; whether an LF follows makes no difference and is not waited for."""
    assert EventParser().feed(b"data: 1\r\n\r") == [Event(b"1")]
