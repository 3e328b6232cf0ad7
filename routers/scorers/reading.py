"""What a scorer reads of answers: texts for an encoder, and facts; no torch, so that serving runs the same code."""

from collections.abc import Callable, Sequence
from math import log1p
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from anabranch.routers.deferral.answered import Answered

Part = Literal["joint", "answer", "prompt"]

TEXT_FACTS: tuple[Callable[[Answered], float], ...] = (
    lambda one: log1p(len(one.answer)),
    lambda one: log1p(one.answer.count("\n")),
    lambda one: sum(map(str.isdigit, one.answer)) / max(1, len(one.answer)),
    lambda one: log1p(len(one.prompt)),
)
"""What a look at the texts says: how long, how many lines, how much of it digits, and how long the prompt."""

LARGEST = 1e30  # of a signal: its standardised form is a float32 too


class ReadAnswers(NamedTuple):
    """B answers as a network takes them, T distinct texts among them.

    Attributes:
        texts: T, each once.
        place: int64 [B, K], which text each part of an answer is.
        facts: float32 [B, F]; NaN is not known.
        model: int64 [B], who answered.
    """

    texts: list[str]
    place: NDArray[np.int64]
    facts: NDArray[np.float32]
    model: NDArray[np.int64]


class Reading(BaseModel):
    """How answers are read.

    >>> read = Reading(models=2, parts=("joint", "answer"))([Answered(1, "2 + 2?", "4", {})])
    >>> read.texts, read.place.tolist(), read.facts.shape
    (['2 + 2?\\n\\n4', '4'], [[0, 1]], (1, 4))
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    models: int = Field(ge=1, description="M; answers come from these")
    parts: tuple[Part, ...] = Field(default=("joint",), min_length=1, description="texts of an answer to embed; K")
    signals: tuple[str, ...] = Field(default=(), description="signals that are facts as well, if they are known")
    prompt_chars: int = Field(default=1000, ge=0, description="a joint text holds so much of the prompt's end")

    @property
    def facts(self) -> int:
        """F, how many facts there are of an answer."""
        return len(TEXT_FACTS) + len(self.signals)

    def __call__(self, answers: Sequence[Answered]) -> ReadAnswers:
        """What is read of B answers.

        Raises:
            ValueError: an answer comes from a model that is none of these.
        """
        model = np.array([one.model for one in answers], np.int64)
        unknown = sorted({int(number) for number in model if not 0 <= number < self.models})
        if unknown:
            raise ValueError(f"answers of models {unknown}; the scorer knows models 0 to {self.models - 1}")
        number: dict[str, int] = {}
        place = [number.setdefault(self._text(part, one), len(number)) for one in answers for part in self.parts]
        facts = [self._facts(one) for one in answers]
        return ReadAnswers(
            texts=list(number),
            place=np.array(place, np.int64).reshape(len(answers), len(self.parts)),
            facts=np.array(facts, np.float32).reshape(len(answers), self.facts),
            model=model,
        )

    def _text(self, part: Part, one: Answered) -> str:
        if part == "joint":
            # the question of a long prompt stands at its end; the encoder's tokens keep the answer's end in turn
            return f"{one.prompt[max(0, len(one.prompt) - self.prompt_chars) :]}\n\n{one.answer}"
        return one.answer if part == "answer" else one.prompt

    def _facts(self, one: Answered) -> list[float]:
        seen = [fact(one) for fact in TEXT_FACTS]
        given = (float(one.signals.get(name, np.nan)) for name in self.signals)
        return seen + [value if abs(value) <= LARGEST else np.nan for value in given]
