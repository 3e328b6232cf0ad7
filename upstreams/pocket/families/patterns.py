"""Sequences to go on with."""

from random import Random
from string import ascii_lowercase

from anabranch.upstreams.pocket.family import Drawn, Family, Kind
from anabranch.upstreams.pocket.words import WORDS

LARGEST_STEP = {1: 3, 2: 9, 3: 25}


def _drawn(terms: list[str]) -> Drawn:
    return {"terms": ", ".join(terms[:-1])}, terms[-1]


def _steps(rng: Random, level: int) -> Drawn:
    start, step = rng.randint(1, 40), rng.randint(1, LARGEST_STEP[level])
    return _drawn([str(start + step * n) for n in range(5)])


def _letters(rng: Random, level: int) -> Drawn:
    step = rng.randint(1, level + 1)
    start = rng.randrange(len(ascii_lowercase) - 4 * step)
    return _drawn([ascii_lowercase[start + step * n] for n in range(5)])


def _doubling(rng: Random, level: int) -> Drawn:
    start = rng.randint(1, {1: 9, 2: 25, 3: 60}[level])
    return _drawn([str(start * 2**n) for n in range(4)])


def _repeating(rng: Random, level: int) -> Drawn:
    motif = rng.sample(WORDS, {1: 2, 2: 2, 3: 3}[level])
    return _drawn([motif[n % len(motif)] for n in range(rng.randint(4, 6) + level - 1)])


_NEXT = ("What comes next: {terms}?", "Go on: {terms}, ...", "Continue the row {terms} by one.")

PATTERNS = Family(
    "patterns",
    {
        "steps": Kind("numeric", _NEXT, _steps),
        "letters": Kind("exact", _NEXT, _letters),
        "doubling": Kind("numeric", _NEXT, _doubling),
        "repeating": Kind("exact", _NEXT, _repeating),
    },
)
