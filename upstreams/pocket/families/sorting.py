"""Short lists of numbers and words put in order."""

from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind
from anabranch.upstreams.pocket.words import WORDS

LENGTHS = {1: (3, 3), 2: (4, 4), 3: (5, 5)}


def _listed(items: list[str]) -> str:
    return ", ".join(items)


def _numbers(rng: Random, level: int, descending: bool) -> Drawn:
    numbers = rng.sample(range(1, 100), rng.randint(*LENGTHS[level]))
    ordered = sorted(numbers, reverse=descending)
    return {"items": _listed([str(n) for n in numbers])}, _listed([str(n) for n in ordered])


def _words(rng: Random, level: int, descending: bool) -> Drawn:
    words = rng.sample(WORDS, rng.randint(*LENGTHS[level]))
    return {"items": _listed(words)}, _listed(sorted(words, reverse=descending))


SORTING = Family(
    "sorting",
    {
        "ascending": Kind(
            "exact",
            ("Sort from small to large: {items}.", "Put in rising order: {items}.", "Smallest first: {items}."),
            lambda rng, level: _numbers(rng, level, descending=False),
        ),
        "descending": Kind(
            "exact",
            ("Sort from large to small: {items}.", "Put in falling order: {items}.", "Largest first: {items}."),
            lambda rng, level: _numbers(rng, level, descending=True),
        ),
        "alphabetical": Kind(
            "exact",
            ("Sort from A to Z: {items}.", "Put in dictionary order: {items}.", "In alphabetical order: {items}."),
            lambda rng, level: _words(rng, level, descending=False),
        ),
        "reverse-alphabetical": Kind(
            "exact",
            ("Sort from Z to A: {items}.", "In backward dictionary order: {items}.", "From Z down to A: {items}."),
            lambda rng, level: _words(rng, level, descending=True),
        ),
    },
)
