"""What a person sees while a collection runs."""

import asyncio
import io

from rich.console import Console

from anabranch.data.collection.progress import shown
from anabranch.data.collection.tally import Tally
from anabranch.upstreams.errors import RateLimited


def tally() -> Tally:
    """7 of 20 answers, 1 failure, 0.75 USD."""
    counted = Tally({"owl": 10, "wren": 10})
    for _ in range(6):
        counted.models["owl"].answered(0.125)
    counted.models["owl"].answered(None)
    counted.models["wren"].refused(RateLimited("x", "answered 429"))
    return counted


def written(console: Console, line_s: float) -> str:
    async def run() -> None:
        async with shown(tally(), console, line_s):
            await asyncio.sleep(0.1)

    asyncio.run(run())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_lines() -> None:
    first, owl, wren = tally().lines()
    assert first.startswith("7/20 answers, 1 failed, ") and "0.7500 USD" in first
    assert owl == "  owl: 7/10, 0.7500 USD"
    assert wren == "  wren: 0/10, 0.0000 USD, 1 RateLimited"
    assert tally().models["owl"].unpriced == 1


def test_nothing_is_known_before_the_first_answer() -> None:
    assert Tally({"owl": 10}).lines()[0].endswith("? left")


def test_a_file_gets_plain_lines_now_and_then() -> None:
    text = written(Console(file=io.StringIO(), width=200), line_s=0.02)
    assert text.count("7/20 answers") >= 2
    assert "\x1b" not in text
    assert written(Console(file=io.StringIO()), line_s=60.0) == ""


def test_a_terminal_gets_a_display_that_vanishes() -> None:
    text = written(Console(file=io.StringIO(), force_terminal=True, width=200), line_s=60.0)
    assert "wren: 0/10" in text
    assert "\x1b[2K" in text
