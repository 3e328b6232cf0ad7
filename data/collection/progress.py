"""How a collection shows itself while it runs: a live display on a terminal, a line now and then elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from anabranch.data.collection.tally import Tally

REDRAW_S = 0.25
LINE_S = 10.0


@asynccontextmanager
async def shown(tally: Tally, console: Console, line_s: float = LINE_S) -> AsyncIterator[None]:
    """Show a tally while what is inside runs."""
    show = _live if console.is_terminal else _lines
    display = asyncio.create_task(show(tally, console, line_s))
    try:
        yield
    finally:
        display.cancel()
        await asyncio.wait({display})


async def _live(tally: Tally, console: Console, line_s: float) -> None:
    # drawn here and not by a thread of rich's, which would read the tally while it changes
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            live.update(Text("\n".join(tally.lines())), refresh=True)
            await asyncio.sleep(REDRAW_S)


async def _lines(tally: Tally, console: Console, line_s: float) -> None:
    told = 0
    while True:
        await asyncio.sleep(line_s)
        for line in tally.given_up[told:]:
            console.print(line, markup=False, highlight=False, soft_wrap=True)
        told = len(tally.given_up)
        console.print(tally.lines()[0], markup=False, highlight=False, soft_wrap=True)
