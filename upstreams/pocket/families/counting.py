"""Letters, vowels, words and things counted."""

from random import Random

from anabranch.upstreams.pocket.family import Drawn, Family, Kind
from anabranch.upstreams.pocket.words import WORDS

LENGTHS = {1: (2, 4), 2: (5, 6), 3: (7, 9)}


def _pair(rng: Random, level: int) -> str:
    """A word, or two of them run together at higher levels."""
    return "".join(rng.sample(WORDS, 1 if level == 1 else 2))[: {1: 7, 2: 9, 3: 14}[level]]


def _letter(rng: Random, level: int) -> Drawn:
    word = _pair(rng, level)
    letter = rng.choice(word) if rng.random() < 0.8 else rng.choice("aeorst")
    return {"word": word, "letter": letter}, str(word.count(letter))


def _vowels(rng: Random, level: int) -> Drawn:
    word = _pair(rng, level)
    return {"word": word}, str(sum(letter in "aeiou" for letter in word))


def _words(rng: Random, level: int) -> Drawn:
    words = rng.choices(WORDS, k=rng.randint(*LENGTHS[level]))
    return {"words": " ".join(words)}, str(len(words))


def _items(rng: Random, level: int) -> Drawn:
    wanted, other = rng.sample(WORDS, 2)
    items = rng.choices((wanted, other), k=rng.randint(*LENGTHS[level]))
    return {"items": ", ".join(items), "wanted": wanted}, str(items.count(wanted))


COUNTING = Family(
    "counting",
    {
        "letter": Kind(
            "numeric",
            ("How often is the letter {letter} in '{word}'?", "Count each {letter} in '{word}'."),
            _letter,
        ),
        "vowels": Kind("numeric", ("How many vowels are in '{word}'?", "Count the vowels of '{word}'."), _vowels),
        "words": Kind(
            "numeric",
            ("How many words are here: {words}?", "Count the words: {words}.", "Word count of: {words}?"),
            _words,
        ),
        "items": Kind("numeric", ("How many are {wanted}: {items}?", "Count every {wanted} here: {items}."), _items),
    },
)
