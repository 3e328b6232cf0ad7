"""Pocket prompts drawn from a seed, in two parts that never meet: what models learn from, and what they are asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Literal

from anabranch.registry import resolve
from anabranch.upstreams.pocket.families.registry import FAMILIES
from anabranch.upstreams.pocket.family import LEVELS, Family, Kind

Part = Literal["learnt", "asked"]

TURNS_WITHOUT_NEWS = 5_000


@dataclass(frozen=True)
class Question:
    """A prompt whose right answer is known.

    Args:
        family: name of its family.
        kind: of the family's kinds.
        level: difficulty, 1 to 3.
        prompt: what is asked.
        reference: the right answer.
        judge: name of the judge that compares with it.
    """

    family: str
    kind: str
    level: int
    prompt: str
    reference: str
    judge: str


def families(names: Sequence[str] = tuple(FAMILIES)) -> tuple[Family, ...]:
    """The families of those names.

    Raises:
        ValueError: one is unknown.
    """
    return tuple(resolve(name, FAMILIES, "pocket family") for name in names)


def part_of(prompt: str) -> Part:
    """The part a prompt belongs to: a quarter of all prompts, by their hash, is never learnt from.

    >>> part_of("What is 1 + 1?")
    'learnt'
    """
    return "asked" if sha256(prompt.encode()).digest()[0] < 64 else "learnt"


def draw(rng: Random, family: Family, kind: str, level: int, part: Part) -> Question:
    """A question of a kind and level, in that part."""
    asker: Kind = family.kinds[kind]
    while True:
        prompt, reference = asker.ask(rng, level)
        if part_of(prompt) == part:
            return Question(family.name, kind, level, prompt, reference, asker.judge)


def questions(count: int, seed: int, names: Sequence[str] = tuple(FAMILIES)) -> list[Question]:
    """`count` different questions that no pocket model has learnt from: families, their kinds and levels in turn.

    Args:
        count: how many.
        seed: which; two seeds may share prompts, `fresh` tells them apart.
        names: of families.

    Raises:
        ValueError: a family is unknown, or there are not so many different questions.

    >>> [question.prompt for question in questions(2, seed=7, names=["arithmetic"])]
    ['9 plus 7 is what?', 'What is 6 - 5?']
    """
    return fresh(count, seed, names, known=())


def fresh(count: int, seed: int, names: Sequence[str], known: Sequence[str]) -> list[Question]:
    """As `questions`, and none of the prompts in `known`."""
    seen, barren = set(known), 0
    chosen: list[Question] = []
    for question in _endless(Random(seed), families(names)):
        if len(chosen) == count:
            break
        barren = barren + 1 if question.prompt in seen else 0
        if barren > TURNS_WITHOUT_NEWS:
            raise ValueError(f"{', '.join(names)} give no more than {len(chosen)} different questions; {count} wanted")
        if not barren:
            seen.add(question.prompt)
            chosen.append(question)
    Random(seed).shuffle(chosen)
    return chosen


def _endless(rng: Random, chosen: Sequence[Family]) -> Iterator[Question]:
    cells = [(family, kind, level) for level in LEVELS for family in chosen for kind in family.kinds]
    while True:
        for family, kind, level in cells:
            yield draw(rng, family, kind, level, "asked")
