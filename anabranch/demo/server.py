"""`anabranch serve` in a process of its own, as long as it is needed."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from anabranch.demo.failed import DemoFailed

LISTENING = "listening on "
END_WITHIN_S = 20


@contextmanager
def serving(words: Sequence[str], log: Path) -> Iterator[str]:
    """The address of `anabranch serve WORDS` on a free port of loopback; the server ends with the block.

    Args:
        words: after `serve`.
        log: file that gets what the server says.

    Raises:
        DemoFailed: it ended before it listened.
    """
    command = [sys.executable, "-m", "anabranch", "serve", *words, "--port", "0"]
    with log.open("wb") as said, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said, text=True) as process:
        try:
            yield _address(process, log)
        finally:
            process.terminate()
            try:
                process.wait(END_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    for line in process.stdout or ():
        if line.startswith(LISTENING):
            return line.removeprefix(LISTENING).strip()
    raise DemoFailed(f"the server ended with code {process.wait()} before it listened; it said: {log.read_text()}")
