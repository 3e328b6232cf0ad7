"""An upstream that is asked from a thread without an event loop."""

import asyncio
import threading
import time

import pytest

from anabranch.upstreams.blocking import Blocking
from anabranch.upstreams.errors import Closed, RateLimited, UpstreamError
from anabranch.upstreams.fake import Delay, Fake
from anabranch.upstreams.text_completion import TextReply, TextRequest

ASK = TextRequest("tiny", "a b")


def blocking(*faults: object) -> Blocking:
    return Blocking(Fake(lambda request: "c", faults=faults))  # type: ignore[arg-type]


def test_answers_come_in_order_each_or_its_error() -> None:
    limited = RateLimited("fake", "answered 429")
    server = blocking(None, limited, None)
    first, error, last = server.complete_texts([ASK] * 3)
    assert isinstance(first, TextReply) and isinstance(last, TextReply) and first.text == last.text == "c"
    assert error is limited
    server.close()


def test_requests_are_sent_at_once() -> None:
    """Each waits until all are there."""
    meeting = asyncio.Barrier(4)

    async def meet(seconds: float) -> None:
        await meeting.wait()

    server = Blocking(Fake(lambda request: "c", faults=[Delay(1)] * 4, sleep=meet))
    assert len(server.complete_texts([ASK] * 4)) == 4
    server.close()


def test_closing_ends_who_waits() -> None:
    server = blocking(Delay(3600))
    caught: list[UpstreamError] = []

    def wait() -> None:
        try:
            server.complete_texts([ASK])
        except UpstreamError as error:
            caught.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    while server._loop is None:
        time.sleep(0.01)
    server.close()
    waiting.join(5)
    assert [type(error) for error in caught] == [Closed]
    with pytest.raises(Closed):
        server.complete_texts([ASK])
    server.close()


def test_its_thread_ends_with_it() -> None:
    server = blocking()
    server.complete_texts([ASK])
    (thread,) = [one for one in threading.enumerate() if one.name == "client of fake"]
    server.close()
    thread.join(5)
    assert not thread.is_alive()


def test_what_only_chats_is_refused() -> None:
    class Chats:
        name = "chats"

    with pytest.raises(ValueError, match="upstream 'chats' answers chats only"):
        Blocking(Chats())  # type: ignore[arg-type]
