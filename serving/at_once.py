"""Several things done at once, of which none is left behind."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

Done = TypeVar("Done")


async def at_once(works: Sequence[Coroutine[Any, Any, Done]]) -> list[Done]:
    """All results in order; the first failure, or the end of who waits for them, ends them all."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
