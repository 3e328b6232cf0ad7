import asyncio
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from anabranch.upstreams.errors import Closed, UpstreamError
from anabranch.upstreams.local.completion import Completion, Order
from anabranch.upstreams.local.scored import Scored
from anabranch.upstreams.local.worker import Worker


def decode(ids: object) -> str:
    return "x"


class AtOnce:
    """An engine that writes one token for whoever waits."""

    idle = True

    def turn(self, waiting: deque[Completion]) -> None:
        while waiting:
            waiting.popleft().take(Scored(1))

    def end_all(self, error: UpstreamError) -> None:
        pass


@dataclass
class Loaded:
    engine: AtOnce = field(default_factory=AtOnce)


class Loading:
    """Loads when it may, and counts."""

    def __init__(self) -> None:
        self.may = threading.Event()
        self.threads: list[threading.Thread] = []
        self.failures: list[Exception] = []

    def __call__(self) -> Loaded:
        self.threads.append(threading.current_thread())
        assert self.may.wait(timeout=30)
        if self.failures:
            raise self.failures.pop()
        return Loaded()


async def answered(worker: Worker[Loaded]) -> str:
    await worker.start()
    _, mailbox = worker.submit(Order(prompt=(1,), max_tokens=1), decode)
    return (await mailbox.next()).text


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.001)


def test_it_loads_once_and_elsewhere() -> None:
    loading = Loading()

    async def main() -> list[str]:
        worker = Worker("tiny", loading)
        calls = [asyncio.create_task(answered(worker)) for _ in range(5)]
        await until(lambda: bool(loading.threads))
        loading.may.set()
        texts = await asyncio.gather(*calls)
        await worker.close()
        return texts

    assert asyncio.run(main()) == ["x"] * 5
    (thread,) = loading.threads
    assert thread is not threading.current_thread()
    assert not thread.is_alive()


def test_a_caller_who_gives_up_while_it_loads_does_not_take_the_others_along() -> None:
    loading = Loading()

    async def main() -> str:
        worker = Worker("tiny", loading)
        impatient, patient = (asyncio.create_task(answered(worker)) for _ in range(2))
        await until(lambda: bool(loading.threads))
        impatient.cancel()
        loading.may.set()
        text = await patient
        await worker.close()
        return text

    assert asyncio.run(main()) == "x"


def test_what_could_not_be_loaded_is_tried_again() -> None:
    loading = Loading()
    loading.may.set()
    loading.failures = [ValueError("no file")]

    async def main() -> str:
        worker = Worker("tiny", loading)
        with pytest.raises(ValueError, match="no file"):
            await worker.start()
        text = await answered(worker)
        await worker.close()
        return text

    assert asyncio.run(main()) == "x"
    assert len(loading.threads) == 2


def test_closing_while_it_loads() -> None:
    loading = Loading()

    async def main() -> None:
        worker = Worker("tiny", loading)
        call = asyncio.create_task(answered(worker))
        await until(lambda: bool(loading.threads))
        closing = asyncio.create_task(worker.close())
        await asyncio.sleep(0)
        loading.may.set()
        await closing
        with pytest.raises(Closed):
            await call
        with pytest.raises(Closed):
            await worker.start()

    asyncio.run(main())


def test_an_event_loop_that_is_gone_harms_nobody() -> None:
    """The first loop is closed while its call waits for the model; the second is served."""
    loading = Loading()
    worker = Worker("tiny", loading)

    async def leave() -> None:
        task = asyncio.create_task(answered(worker))
        await until(lambda: bool(loading.threads))
        task.cancel()

    async def stay() -> str:
        text = await answered(worker)
        await worker.close()
        return text

    asyncio.run(leave())
    loading.may.set()
    assert asyncio.run(stay()) == "x"
