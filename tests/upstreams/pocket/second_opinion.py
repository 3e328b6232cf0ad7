"""Answers to pocket questions found from their words alone, by other means than the families use."""

import calendar
import re
from collections.abc import Callable

from anabranch.upstreams.pocket.families.facts import FACTS_BY_LAND
from anabranch.upstreams.pocket.questions import Question

DAYS = list(calendar.day_name)
MONTHS = list(calendar.month_name)[1:]
CLOSERS = (" Just the answer.", " Be brief.", " Thanks!")


def answer(question: Question) -> str:
    """What the prompt's words ask for."""
    prompt = question.prompt
    for closer in CLOSERS:
        prompt = prompt.removesuffix(closer)
    return SOLVERS[question.family, question.kind](prompt)


def _numbers(prompt: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", prompt)]


def _subtract(prompt: str) -> str:
    a, b = _numbers(prompt)
    return str(b - a if "away from" in prompt else a - b)


def _product(prompt: str) -> str:
    a, b = _numbers(prompt)
    return str(sum(a for _ in range(b)))


def _listed(prompt: str) -> list[str]:
    return prompt.split(": ")[-1].strip(" .?").split(", ")


def _spoken(prompt: str) -> list[str]:
    return prompt.split(": ")[-1].strip(" .?").split(" ")


def _terms(prompt: str) -> list[str]:
    return re.sub(r".*(?:next: |Go on: |\brow )|(?:\?|, \.\.\.| by one\.)$", "", prompt).split(", ")


def _quoted(prompt: str) -> str:
    quoted: list[str] = re.findall(r"'(\w+)'", prompt)
    return quoted[-1]


def _choice(prompt: str, best: Callable[[list[str]], str]) -> str:
    options = re.findall(r"[ABC]\) (\w+)", prompt)
    return "ABC"[options.index(best(options))]


def _swapped(words: list[str]) -> str:
    words[0], words[-1] = words[-1], words[0]
    return " ".join(words)


def _in_a_circle(names: list[str], prompt: str, direction: int) -> str:
    start = next(name for name in names if name in prompt)
    place = names.index(start)
    for _ in range(_numbers(prompt)[0]):
        place = (place + direction) % len(names)
    return names[place]


def _fact(prompt: str) -> str:
    land = next(word.strip(".?") for word in prompt.split() if word.strip(".?") in FACTS_BY_LAND)
    asked = {"colour": "red", "animal": "lynx", "beast": "lynx", "capital": "Ashby", "city": "Ashby"}
    value = next(value for word, value in asked.items() if word in prompt)
    return next(fact for values, fact in FACTS_BY_LAND[land].items() if value in values)


def _next_number(terms: list[str]) -> str:
    a, b = int(terms[-2]), int(terms[-1])
    return str(2 * b - a)


def _next_letter(terms: list[str]) -> str:
    return chr(2 * ord(terms[-1]) - ord(terms[-2]))


def _next_repeated(terms: list[str]) -> str:
    return terms[len(terms) % len(dict.fromkeys(terms))]


SOLVERS: dict[tuple[str, str], Callable[[str], str]] = {
    ("arithmetic", "add"): lambda prompt: str(sum(_numbers(prompt))),
    ("arithmetic", "subtract"): _subtract,
    ("arithmetic", "multiply"): _product,
    ("arithmetic", "double"): lambda prompt: str(2 * _numbers(prompt)[0]),
    ("sorting", "ascending"): lambda prompt: ", ".join(sorted(_listed(prompt), key=int)),
    ("sorting", "descending"): lambda prompt: ", ".join(sorted(_listed(prompt), key=lambda number: -int(number))),
    ("sorting", "alphabetical"): lambda prompt: ", ".join(sorted(_listed(prompt))),
    ("sorting", "reverse-alphabetical"): lambda prompt: ", ".join(sorted(_listed(prompt))[::-1]),
    ("reversal", "letters"): lambda prompt: "".join(reversed(_quoted(prompt))),
    ("reversal", "digits"): lambda prompt: "".join(reversed(re.findall(r"\d", prompt))),
    ("reversal", "words"): lambda prompt: " ".join(_spoken(prompt)[::-1]),
    ("reversal", "swap"): lambda prompt: _swapped(_spoken(prompt)),
    **{("facts", region): _fact for region in ("north", "south", "east", "west")},
    ("counting", "letter"): lambda prompt: str(
        len(re.findall(re.findall(r"(?:letter|each) (\w)\b", prompt)[0], _quoted(prompt)))
    ),
    ("counting", "vowels"): lambda prompt: str(len(re.findall("[aeiou]", _quoted(prompt)))),
    ("counting", "words"): lambda prompt: str(len(_spoken(prompt))),
    ("counting", "items"): lambda prompt: str(
        sum(item == re.findall(r"(?:are|every) (\w+)", prompt)[0] for item in _listed(prompt))
    ),
    ("dates", "weekday-after"): lambda prompt: _in_a_circle(DAYS, prompt, 1),
    ("dates", "weekday-before"): lambda prompt: _in_a_circle(DAYS, prompt, -1),
    ("dates", "month-after"): lambda prompt: _in_a_circle(MONTHS, prompt, 1),
    ("dates", "month-before"): lambda prompt: _in_a_circle(MONTHS, prompt, -1),
    ("units", "length"): lambda prompt: f"{_numbers(prompt)[0]}00",
    ("units", "time"): lambda prompt: str(_numbers(prompt)[0] * 60),
    ("units", "weight"): lambda prompt: f"{_numbers(prompt)[0]}000",
    ("units", "dozens"): lambda prompt: str(_numbers(prompt)[0] * 12),
    ("patterns", "steps"): lambda prompt: _next_number(_terms(prompt)),
    ("patterns", "letters"): lambda prompt: _next_letter(_terms(prompt)),
    ("patterns", "doubling"): lambda prompt: str(2 * int(_terms(prompt)[-1])),
    ("patterns", "repeating"): lambda prompt: _next_repeated(_terms(prompt)),
    ("comparison", "largest"): lambda prompt: _choice(prompt, lambda options: max(options, key=int)),
    ("comparison", "smallest"): lambda prompt: _choice(prompt, lambda options: min(options, key=int)),
    ("comparison", "longest"): lambda prompt: _choice(prompt, lambda options: max(options, key=len)),
    ("comparison", "first"): lambda prompt: _choice(prompt, min),
    ("spelling", "spell"): lambda prompt: " ".join(_quoted(prompt)),
    ("spelling", "first"): lambda prompt: _quoted(prompt)[0],
    ("spelling", "last"): lambda prompt: _quoted(prompt)[-1],
    ("spelling", "length"): lambda prompt: str(len(_quoted(prompt))),
}
