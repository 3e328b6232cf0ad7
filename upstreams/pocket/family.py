"""What a family of pocket tasks is: kinds of question, each with its wordings and its exact answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

LEVELS = (1, 2, 3)
OPENERS = ("", "", "Please answer: ", "Quick question. ", "Tell me: ", "A task for you: ")
CLOSERS = ("", "", " Just the answer.", " Be brief.", " Thanks!")

Drawn = tuple[Mapping[str, object], str]


@dataclass(frozen=True)
class Kind:
    """One kind of question.

    Args:
        judge: the name of the judge of its answers.
        wordings: paraphrases, with the drawn fields in braces.
        draw: a random source and a level of 1 to 3 -> the fields, and the right answer.
    """

    judge: str
    wordings: tuple[str, ...]
    draw: Callable[[Random, int], Drawn]

    def ask(self, rng: Random, level: int) -> tuple[str, str]:
        """A question in words and its answer."""
        fields, answer = self.draw(rng, level)
        return (
            rng.choice(OPENERS) + rng.choice(self.wordings).format(**fields) + rng.choice(CLOSERS),
            answer,
        )


@dataclass(frozen=True)
class Family:
    """Kinds of question that a person would call one task."""

    name: str
    kinds: Mapping[str, Kind]
