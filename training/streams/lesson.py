"""What a call teaches: the large model's answer, and how often it gave which."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Lesson(NamedTuple):
    """The answer of a call.

    Args:
        answer: the canonical answer that the query gets.
        target: shares of canonical answers, at least 0; they need not sum to 1.
    """

    answer: str
    target: Mapping[str, float]


def lesson_of(answers: Sequence[str | None]) -> Lesson | None:
    """The lesson of a large model's samples, None if none of them gave an answer.

    Args:
        answers: canonical answers, None for a sample that gives none. The most frequent is the answer; of equally
            frequent ones, the first.

    >>> lesson_of(["joy", "fear", None, "fear"])
    Lesson(answer='fear', target={'joy': 0.3333333333333333, 'fear': 0.6666666666666666})
    """
    counts = Counter(answer for answer in answers if answer is not None)
    if not counts:
        return None
    return Lesson(max(counts, key=counts.__getitem__), {answer: n / counts.total() for answer, n in counts.items()})
