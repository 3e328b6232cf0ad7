"""What the page of measured fusion says, and how the votes and costs behind it are counted; never how it fell."""

import json
from pathlib import Path
from typing import Any

import pytest

from anabranch.serving.fusion.during.ensemble import Text
from anabranch.serving.fusion.during.step import Added, Step
from benchmarks.fusion_quality import arms, page, writing


def test_every_method_is_measured() -> None:
    from anabranch.serving.fusion.during.registry import FUSIONS

    assert {*FUSIONS} < {*arms.methods()} and all(isinstance(one, Step) for one in arms.methods().values())
    assert arms.NAMED in FUSIONS


def test_answers_count_what_each_model_computed_and_end_where_they_must() -> None:
    """Drafts beyond the end are not used; what was computed for them is paid all the same."""
    answer = writing.Answer((3, 4), computed=[0, 0])
    text = Text((0, 0), ((1,), (1,)), [0.5, 0.5])
    first = (Added(1, b"a", False, (0,), -0.1, (2, 3)), Added(2, b"b", False, (0,), -0.1, (0, 0)))
    assert not writing._take(answer, text, first)
    last = (Added(3, b"", True, (1,), -0.1, (1, 1)),)
    assert writing._take(answer, text, last)
    assert (answer.text, answer.computed, answer.tokens) == ("ab", [3, 4], 3)


def interval(value: float, low: float, high: float) -> dict[str, float]:
    return {"value": value, "low": low, "high": high}


def found(low: float, high: float) -> dict[str, Any]:
    named = {
        "arm": "gac: owl+heron",
        "accuracy": interval(0.5, 0.4, 0.6),
        "usd_per_1000": 0.02,
        "over_best_single": interval((low + high) / 2, low, high),
        "over_router": interval(-0.1, -0.2, -0.05),
        "cpu_s": 12.3,
    }
    other = {**named, "arm": "pocket-owl", "accuracy": interval(0.55, 0.5, 0.6), "cpu_s": 0.0}
    return {"train": 10, "test": 20, "best": ["pocket-owl"], "named": "gac: owl+heron", "rows": [named, other]}


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(0.01, 0.03, "the fusion is better"), (-0.03, -0.01, "worse"), (-0.01, 0.02, "no difference is shown")],
)
def test_the_page_says_how_the_named_comparison_fell(low: float, high: float, says: str) -> None:
    lines = page.page(found(low, high)).splitlines()
    (line,) = [one for one in lines if one.startswith("* less the better")]
    assert says in line and f"[{low:+.3f}, {high:+.3f}]" in line
    (line,) = [one for one in lines if one.startswith("* less the router")]
    assert "worse" in line


def test_rows_stand_by_accuracy_and_losers_stay() -> None:
    rows = [line for line in page.page(found(-0.1, 0.1)).splitlines() if line.startswith("| ")][2:]
    assert [row.split("|")[1].strip() for row in rows] == ["pocket-owl", "**gac: owl+heron**"]
    assert rows[0].split("|")[-2].strip() == "" and rows[1].split("|")[-2].strip() == "12"


def test_the_page_is_made_of_its_figures() -> None:
    docs = Path(__file__).parents[2] / "docs"
    figures = json.loads((docs / "fusion-measured.json").read_bytes())
    assert page.page(figures) == (docs / "fusion-measured.md").read_text(encoding="utf-8")
    assert {row["arm"].partition(":")[0] for row in figures["rows"]} > {*arms.methods()}
