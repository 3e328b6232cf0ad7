"""Strings that end a text wherever they appear in it, also across the borders of tokens."""

from collections.abc import Sequence


class StopStrings:
    """A filter of a growing text: it ends before the first stop string, and what may become one waits.

    The first is the one that is complete first; of several that are complete at once, the longest.

    Args:
        stops: the strings; none of them empty.

    >>> stop = StopStrings(["END"])
    >>> stop.add("the E"), stop.add("N"), stop.add("DLESS"), stop.met
    ('the ', '', '', True)
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = tuple(stops)
        self._held = ""
        self.met = False

    def add(self, piece: str) -> str:
        """What can be given out now."""
        if not self._stops or self.met:
            return "" if self.met else piece
        text = self._held + piece
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        self.met = bool(found)
        sure = min(found)[1] if found else len(text) - self._waiting(text)
        self._held = "" if self.met else text[sure:]
        return text[:sure]

    def rest(self) -> str:
        """What waited in vain, once there is no more."""
        held, self._held = self._held, ""
        return held

    def _waiting(self, text: str) -> int:
        """Characters at the end that begin a stop string."""
        return max(_overlap(text, stop) for stop in self._stops)


def _overlap(text: str, stop: str) -> int:
    lengths = range(min(len(text), len(stop) - 1), 0, -1)
    return next((length for length in lengths if text.endswith(stop[:length])), 0)
