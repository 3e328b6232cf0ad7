"""The rules of request fields: a client that breaks one is told the field and the rule, never its own value."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import orjson

from anabranch.serving.refused import Refused


class Rule(NamedTuple):
    """What a value must be: as a test, and in words."""

    holds: Callable[[Any], bool]
    words: str


def whole(least: int, most: int | None = None) -> Rule:
    """A whole number; True is none.

    >>> whole(1).holds(3), whole(1).holds(True), whole(0, 20).words
    (True, False, 'a whole number from 0 to 20')
    """
    words = f"a whole number of at least {least}" if most is None else f"a whole number from {least} to {most}"
    return Rule(lambda value: type(value) is int and least <= value and (most is None or value <= most), words)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float)


def _is_texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _is_messages(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(_is_message(one) for one in value)


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str)


FLAG = Rule(lambda value: isinstance(value, bool), "true or false")
OBJECT = Rule(lambda value: isinstance(value, dict), "an object")
SHARE = Rule(lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1")
TEMPERATURE = Rule(lambda value: _is_number(value) and value >= 0, "a number of at least 0")
WORD = Rule(lambda value: isinstance(value, str) and bool(value), "text that is not empty")
WORDS = Rule(_is_texts, "text or a list of texts")
MESSAGES = Rule(_is_messages, "a list of at least one message, each an object with a role")

SHARED: dict[str, Rule] = {
    "model": WORD,
    "max_tokens": whole(0),
    "temperature": TEMPERATURE,
    "stop": WORDS,
    "seed": Rule(lambda value: type(value) is int, "a whole number"),
    "n": whole(1),
    "stream": FLAG,
    "stream_options": OBJECT,
}


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        Refused: it is none.
    """
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        # only the place: the message of the error is not the client's text, but its document is
        raise Refused(400, f"the body is not JSON (character {error.pos})", code="invalid_json") from None
    if not isinstance(body, dict):
        raise Refused(400, "the body must be a JSON object", code="invalid_json")
    return body


def checked(body: Mapping[str, Any], rules: Mapping[str, Rule], required: tuple[str, ...]) -> dict[str, Any]:
    """The body without the named fields that are null; fields that no rule names stay as they are.

    Raises:
        Refused: a required field is missing, or a field breaks its rule.

    >>> checked({"n": None, "user": None}, {"n": whole(1)}, ())
    {'user': None}
    """
    for name in required:
        if body.get(name) is None:
            raise Refused(400, f"{name} is missing; it must be {rules[name].words}", param=name)
    for name, rule in rules.items():
        value = body.get(name)
        if value is not None and not rule.holds(value):
            raise Refused(400, f"{name} must be {rule.words}", param=name)
    return {name: value for name, value in body.items() if value is not None or name not in rules}
