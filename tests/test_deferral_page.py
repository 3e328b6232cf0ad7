"""docs/deferral.md has one true line for every row of CASCADES."""

import re
from pathlib import Path

import pytest

from anabranch.docstrings import stated
from anabranch.training.cascades.registry import CASCADES

PAGE = Path(__file__).parents[1] / "docs" / "deferral.md"
LINE = re.compile(r"\| `(?P<row>[a-z-]+)` \| (?P<what>[^|]+) \| (?P<reads>[^|]+) \| (?P<known>[^|]+) \|")
KNOWN = {"code": "code", "ours": "ours", "secondary": "second-hand"}


def lines() -> list[re.Match[str]]:
    return [found for line in PAGE.read_text(encoding="utf-8").splitlines() if (found := LINE.fullmatch(line))]


def test_the_table_has_a_line_a_row_in_order() -> None:
    assert [line["row"] for line in lines()] == sorted(CASCADES)


@pytest.mark.parametrize("line", lines(), ids=lambda line: line["row"])
def test_a_line_says_what_the_row_is_known_from(line: re.Match[str]) -> None:
    assert line["known"] == KNOWN[stated(CASCADES[line["row"]], "specification")]
