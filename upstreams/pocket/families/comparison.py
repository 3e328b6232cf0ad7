"""Multiple choice: which of three is the largest, the smallest, the longest, the first?"""

from collections.abc import Callable
from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind
from anabranch.upstreams.pocket.words import WORDS

LETTERS = "ABC"
LARGEST = {1: 20, 2: 60, 3: 99}
MARGINS = {1: 2, 2: 2, 3: 1}


def _numbers(rng: Random, level: int, choose: Callable[[list[int]], int]) -> Drawn:
    numbers = rng.sample(range(1, LARGEST[level] + 1), 3)
    return {"options": _options([str(n) for n in numbers])}, LETTERS[numbers.index(choose(numbers))]


def _longest(rng: Random, level: int) -> Drawn:
    longest = rng.choice([word for word in WORDS if len(word) >= 7])
    words = [longest, *rng.sample([word for word in WORDS if len(word) <= len(longest) - MARGINS[level]], 2)]
    rng.shuffle(words)
    return {"options": _options(words)}, LETTERS[words.index(longest)]


def _first(rng: Random, level: int) -> Drawn:
    words = rng.sample(WORDS, 3)
    return {"options": _options(words)}, LETTERS[words.index(min(words))]


def _options(items: list[str]) -> str:
    return " ".join(f"{letter}) {item}" for letter, item in zip(LETTERS, items, strict=True))


COMPARISON = Family(
    "comparison",
    {
        "largest": Kind(
            "multiple-choice",
            ("Which is the largest? {options}", "Choose the biggest number: {options}"),
            lambda rng, level: _numbers(rng, level, max),
        ),
        "smallest": Kind(
            "multiple-choice",
            ("Which is the smallest? {options}", "Choose the least number: {options}"),
            lambda rng, level: _numbers(rng, level, min),
        ),
        "longest": Kind(
            "multiple-choice", ("Which word is the longest? {options}", "Choose the longest word: {options}"), _longest
        ),
        "first": Kind(
            "multiple-choice",
            ("Which word is first in a dictionary? {options}", "Choose the word that A to Z puts first: {options}"),
            _first,
        ),
    },
)
