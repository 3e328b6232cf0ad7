"""SIGINT and SIGTERM as a request to stop: the first is kind, the second is not."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_to_stop(stop: Callable[[str], None]) -> Iterator[None]:
    """Call `stop` with the name of the first signal; a second cancels the task that entered.

    Outside the main thread, which alone gets signals, nothing is changed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    names: list[str] = []

    def received(number: signal.Signals) -> None:
        names.append(number.name)
        if len(names) == 1:
            stop(number.name)
        elif task is not None:
            task.cancel()

    for number in SIGNALS:
        loop.add_signal_handler(number, received, number)
    try:
        yield
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
