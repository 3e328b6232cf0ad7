"""The longest run of bytes that several texts have in common."""

from bisect import bisect_left
from collections.abc import Sequence


def longest_run(texts: Sequence[bytes]) -> tuple[list[int], int]:
    """Where it begins in each text, and how long it is; in each text it is the last of its kind.

    >>> longest_run([b"user: how many?", b"<how many?>"])
    ([6, 1], 9)
    """
    shortest = min(texts, key=len)

    def run_of(length: int) -> bytes | None:
        runs = (shortest[begin : begin + length] for begin in range(len(shortest) - length, -1, -1))
        return next((run for run in runs if all(run in text for text in texts)), None)

    # where a run is common so is each shorter one
    longest = bisect_left(range(1, len(shortest) + 1), True, key=lambda length: run_of(length) is None)
    run = run_of(longest) or b""
    return [text.rfind(run) for text in texts], longest
