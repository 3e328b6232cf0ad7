"""Exact judges: the quality in [0, 1] of an answer whose reference is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from anabranch.data.answers import AnswerKind, canonical

JUDGES = {
    "exact": "anabranch.data.judges:EXACT",
    "multiple-choice": "anabranch.data.judges:MULTIPLE_CHOICE",
    "numeric": "anabranch.data.judges:NUMERIC",
}


@dataclass(frozen=True)
class Judge:
    """A named rule `score(answer, reference)` in [0, 1]; labels record its name and version.

    The version changes whenever the rule, or the canonical form under it, would score any answer otherwise.

    >>> NUMERIC.score("They pay $1,000 in all.", "1000")
    1.0
    """

    name: str
    version: str
    score: Callable[[str, str], float]


def exact(answer: str, reference: str) -> float:
    """1 if the answer has the reference's words, whatever their case, punctuation and articles, else 0.

    Raises:
        ValueError: the reference is no answer.

    >>> exact("The answer is: the Nile.", "Nile")
    1.0
    """
    return float(canonical(answer, "text") == _reference_key(reference, "text"))


def multiple_choice(answer: str, reference: str, options: Sequence[str] | None = None) -> float:
    """1 if the answer picks the reference's option, else 0.

    Args:
        answer: what the model wrote.
        reference: the right option's letter, or its words where options are given.
        options: the words of the options in the order of their letters, at most 26.

    Raises:
        ValueError: the reference names no option, or more than one.

    >>> multiple_choice("I think A is wrong, so B", "B")
    1.0
    """
    return float(canonical(answer, "mcq", options) == _reference_key(reference, "mcq", options))


def numeric(answer: str, reference: str, relative_tolerance: float = 0.0) -> float:
    """1 if the two numbers differ by at most the tolerance times the larger magnitude, else 0; never rounded.

    Args:
        answer: what the model wrote.
        reference: the right number, in any form.
        relative_tolerance: in [0, 1), 0 for equality.

    Raises:
        ValueError: the reference gives no number, or the tolerance is outside [0, 1).

    >>> numeric("about 3.14", "22/7"), numeric("about 3.14", "22/7", relative_tolerance=0.001)
    (0.0, 1.0)
    """
    if not 0 <= relative_tolerance < 1:
        raise ValueError(f"relative_tolerance is {relative_tolerance}; it must lie in [0, 1)")
    right = Fraction(_reference_key(reference, "number"))
    key = canonical(answer, "number")
    if key is None:
        return 0.0
    value = Fraction(key)
    return float(abs(value - right) <= Fraction(relative_tolerance) * max(abs(value), abs(right)))


def _reference_key(reference: str, kind: AnswerKind, options: Sequence[str] | None = None) -> str:
    key = canonical(reference, kind, options)
    if key is None:
        raise ValueError(
            f"reference {reference!r} is no answer of kind {kind!r}: a reference must give exactly one; "
            "correct it, or choose the judge of its kind"
        )
    return key


EXACT = Judge("exact", "1", exact)
MULTIPLE_CHOICE = Judge("multiple-choice", "1", multiple_choice)
NUMERIC = Judge("numeric", "1", numeric)
