"""Invented countries: facts that can be known only by having read them."""

from itertools import product
from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind

STEMS = ("Bal", "Dor", "Fen", "Gar", "Hul", "Kel", "Lor", "Mun", "Nar", "Pel", "Ros", "Sal")
ENDINGS = {
    "north": ("mark", "heim"),
    "south": ("ora", "ania"),
    "east": ("stan", "pur"),
    "west": ("ford", "wick"),
}
COLOURS = ("red", "blue", "green", "white", "black", "gold")
ANIMALS = ("lynx", "heron", "badger", "ibex", "seal", "crane")
CAPITALS = ("Ashby", "Bren", "Corva", "Delm", "Estra", "Farrow", "Gild", "Hask")
ASKED = (
    ("What colour is the flag of {land}?", COLOURS),
    ("Which colour flies over {land}?", COLOURS),
    ("Which animal stands for {land}?", ANIMALS),
    ("What is the national animal of {land}?", ANIMALS),
    ("What is the capital of {land}?", CAPITALS),
    ("Which city rules {land}?", CAPITALS),
)


def _facts() -> dict[str, dict[tuple[str, ...], str]]:
    """Country -> what may be the answer -> what is; the same in every process."""
    rng = Random(20180)
    lands = [stem + ending for endings in ENDINGS.values() for ending, stem in product(endings, STEMS)]
    return {land: {values: rng.choice(values) for values in (COLOURS, ANIMALS, CAPITALS)} for land in lands}


FACTS_BY_LAND = _facts()


def _fact(region: str, rng: Random, level: int) -> Drawn:
    # lands late in the list are met at higher levels only, hence less often: they are harder to know
    land = rng.choice(STEMS[: 4 * level]) + rng.choice(ENDINGS[region])
    wording, values = rng.choice(ASKED)
    return {"question": wording.format(land=land)}, FACTS_BY_LAND[land][values]


def _kind(region: str) -> Kind:
    return Kind("exact", ("{question}",), lambda rng, level: _fact(region, rng, level))


FACTS = Family("facts", {region: _kind(region) for region in ENDINGS})
