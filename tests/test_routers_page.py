"""docs/routers.md has one true line for every row of ROUTERS."""

import re
from pathlib import Path

import pytest

from anabranch.routers.recipe import recipe_of
from anabranch.routers.registry import ROUTERS

PAGE = Path(__file__).parents[1] / "docs" / "routers.md"
LINE = re.compile(r"\| `(?P<row>[a-z-]+)` \| \[[a-z]+\]\((?P<page>[^)]+)\) \| (?P<facts>.+) \|")
KINDS = {"calibrated": "calibrated", "win_rate": "win rate", "score": "score"}
SOURCES = {"outcomes": "outcomes", "preferences": "votes"}


def lines() -> list[re.Match[str]]:
    return [found for line in PAGE.read_text(encoding="utf-8").splitlines() if (found := LINE.fullmatch(line))]


def test_the_table_has_a_line_a_row_in_order() -> None:
    assert [line["row"] for line in lines()] == sorted(ROUTERS)


@pytest.mark.parametrize("line", lines(), ids=lambda line: line["row"])
def test_a_line_says_what_the_row_is(line: re.Match[str]) -> None:
    recipe = recipe_of(line["row"])
    facts = SOURCES[recipe.estimator.learns_from], KINDS[recipe.estimator.quality_kind], recipe.specification
    assert line["facts"] == " | ".join(facts)


@pytest.mark.parametrize("line", lines(), ids=lambda line: line["row"])
def test_the_page_that_a_line_names_describes_the_row(line: re.Match[str]) -> None:
    """By a heading on the page of its family, or a point of the list of plain ones."""
    file, _, _ = line["page"].partition("#")
    text = (PAGE.parent / file if file else PAGE).read_text(encoding="utf-8")
    start = r"## .*" if file else r"\* .*"
    assert re.search(rf"^{start}`{line['row']}`", text, re.MULTILINE)
