"""Words, digits and lists turned round."""

from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind
from anabranch.upstreams.pocket.words import WORDS

LENGTHS = {1: (3, 3), 2: (4, 4), 3: (5, 5)}
WORD_LENGTHS = {1: (4, 5), 2: (6, 6), 3: (7, 9)}


def _letters(rng: Random, level: int) -> Drawn:
    shortest, longest = WORD_LENGTHS[level]
    word = rng.choice([word for word in WORDS if shortest <= len(word) <= longest])
    # two in one, so that there are more questions than words
    other = rng.choice(WORDS)[: {1: 0, 2: 3, 3: 4}[level]]
    return {"word": word + other}, (word + other)[::-1]


def _digits(rng: Random, level: int) -> Drawn:
    digits = "".join(rng.choices("123456789", k=rng.randint(*LENGTHS[level]) + 1))
    return {"digits": digits}, digits[::-1]


def _words(rng: Random, level: int) -> Drawn:
    words = rng.sample(WORDS, rng.randint(*LENGTHS[level]))
    return {"words": " ".join(words)}, " ".join(reversed(words))


def _swap(rng: Random, level: int) -> Drawn:
    words = rng.sample(WORDS, rng.randint(*LENGTHS[level]))
    return {"words": " ".join(words)}, " ".join([words[-1], *words[1:-1], words[0]])


REVERSAL = Family(
    "reversal",
    {
        "letters": Kind(
            "exact",
            ("Write '{word}' backwards.", "Spell '{word}' from its end.", "Mirror the word '{word}'."),
            _letters,
        ),
        "digits": Kind(
            "exact",
            ("Read {digits} backwards.", "Reverse the digits of {digits}.", "Mirror the number {digits}."),
            _digits,
        ),
        "words": Kind(
            "exact",
            (
                "Reverse the word order: {words}.",
                "Say these words last to first: {words}.",
                "Turn this list round: {words}.",
            ),
            _words,
        ),
        "swap": Kind(
            "exact",
            ("Swap the first and the last word: {words}.", "Let the end words change places: {words}."),
            _swap,
        ),
    },
)
