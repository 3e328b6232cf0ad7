"""docs/after.md has one true line for every row of AFTER, and its code runs."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from anabranch.docstrings import stated
from anabranch.registry import resolve
from anabranch.training.after.registry import AFTER

PAGE = Path(__file__).parents[1] / "docs" / "after.md"
LINE = re.compile(r"\| `(?P<row>[a-z-]+)` \| (?P<picks>[^|]+) \| (?P<learns>[^|]+) \| (?P<known>[^|]+) \|")
SETTING = re.compile(r"\| `--(?P<name>[a-z_]+)` \| (?P<default>[^|]+) \| (?P<what>[^|]+) \|")
KNOWN = {"memory": "memory", "secondary": "second-hand"}


def lines(pattern: re.Pattern[str]) -> list[re.Match[str]]:
    return [found for line in PAGE.read_text(encoding="utf-8").splitlines() if (found := pattern.fullmatch(line))]


def test_the_table_has_a_line_a_row_in_order() -> None:
    assert [line["row"] for line in lines(LINE)] == sorted(AFTER)


@pytest.mark.parametrize("line", lines(LINE), ids=lambda line: line["row"])
def test_a_line_says_what_the_row_is_known_from(line: re.Match[str]) -> None:
    assert line["known"] == KNOWN[stated(AFTER[line["row"]], "specification")]


def test_the_settings_are_those_of_the_recipes() -> None:
    """With their defaults."""
    made = [{field.name: str(field.default) for field in fields(resolve(row, AFTER, "recipe"))} for row in AFTER]
    told = {line["name"]: line["default"] for line in lines(SETTING)}
    assert told == {name: default for one in made for name, default in one.items()}
    assert all(one.items() <= told.items() for one in made)


def test_its_code_does_what_it_says() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    *_, last = code.strip().splitlines()
    shown: dict[str, object] = {}
    exec(code.replace(last, f"got = {last}"), shown)
    assert str(shown["got"]) == "[1. 0.]"
