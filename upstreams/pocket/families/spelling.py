"""The letters of words: kept out of the training prompts of routers, as news of the kind that real traffic brings."""

from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind
from anabranch.upstreams.pocket.words import WORDS


def _joined(rng: Random, level: int) -> str:
    """A word and the beginning of another, so that there are more questions than words."""
    return rng.choice(WORDS) + rng.choice(WORDS)[: {1: 0, 2: 2, 3: 4}[level]]


def _spell(rng: Random, level: int) -> Drawn:
    word = _joined(rng, level)
    return {"word": word}, " ".join(word)


def _first(rng: Random, level: int) -> Drawn:
    word = _joined(rng, level)
    return {"word": word}, word[0]


def _last(rng: Random, level: int) -> Drawn:
    word = _joined(rng, level)
    return {"word": word}, word[-1]


def _length(rng: Random, level: int) -> Drawn:
    word = _joined(rng, level)
    return {"word": word}, str(len(word))


SPELLING = Family(
    "spelling",
    {
        "spell": Kind("exact", ("Spell '{word}'.", "Say '{word}' letter by letter."), _spell),
        "first": Kind("exact", ("What does '{word}' begin with?", "First letter of '{word}'?"), _first),
        "last": Kind("exact", ("What does '{word}' end with?", "Last letter of '{word}'?"), _last),
        "length": Kind("numeric", ("How many letters has '{word}'?", "How long is '{word}' in letters?"), _length),
    },
)
