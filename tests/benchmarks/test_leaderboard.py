"""The whole way on a tiny set: run, resume, fail, write."""

import doctest
import json
import shutil
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from benchmarks.leaderboard.__main__ import Plan, main, parsed, run_boards
from benchmarks.leaderboard.boards import BOARDS, Board
from benchmarks.leaderboard.entries import Entry
from benchmarks.leaderboard.learn import Terms
from benchmarks.leaderboard.page import write_page
from benchmarks.leaderboard.sheets import read_entries, read_sheet
from tests.benchmarks.sets import write_two_topics

BROKEN = "anabranch.routers.estimators.knn:NotThere"
PRICED = Board("priced", "two_topics", "Two topics.", main="aiq")
PAIR = Board("pair", "two_topics_unpriced", "Two topics, a pair.", main="apgr")
LATER = Board("later", "", "Not run.")
BOTH = Plan((PRICED, PAIR), ("knn", "ridge", BROKEN), seeds=1)


class Ran(NamedTuple):
    """Both boards, run once for all tests that only read."""

    data: Path
    work: Path
    terms: Terms
    runs: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    data, work = tmp_path_factory.mktemp("sets"), tmp_path_factory.mktemp("work")
    write_two_topics(data / "two_topics")
    write_two_topics(data / "two_topics_unpriced", cost=False)
    terms = Terms(encoder="hashing", cache=tmp_path_factory.mktemp("cache"), replicates=200)
    return Ran(data, work, terms, run_boards(BOTH, data, work, terms))


def entries(work: Path, board: str) -> dict[tuple[str, int], Entry]:
    sheet = read_sheet(work, board)
    assert sheet is not None
    return {(entry.recipe, entry.seed): entry for entry in read_entries(work, sheet)}


def test_two_topics_are_told_apart(ran: Ran) -> None:
    """Each prompt has one right model, 3 in 4 times the engineer: best single 3/4, oracle and a good router 1."""
    assert ran.runs == 6
    for board, unit in (("priced", "usd"), ("pair", "strong_share")):
        sheet = read_sheet(ran.work, board)
        assert sheet is not None
        assert (sheet.unit, sheet.best_single, sheet.train, sheet.test) == (unit, "engineer", 80, 80)
        entry = entries(ran.work, board)["ridge", 0]
        assert entry.error == ""
        assert entry.rows["quality"][0] == 1.0
        assert entry.rows["gain"][0] == pytest.approx(0.25)
        assert entry.rows["headroom"][0] == pytest.approx(1.0)
        assert float(entry.facts["head_bytes"]) > 0
        assert float(entry.facts["decision_us"]) > float(entry.facts["head_us"]) > 0


def test_a_recipe_that_fails_is_kept_with_its_error(ran: Ran) -> None:
    entry = entries(ran.work, "priced")[BROKEN, 0]
    assert "NotThere" in entry.error
    assert entry.rows == {}


def test_what_is_there_is_not_run_again_unless_it_is_stale(ran: Ran, tmp_path: Path) -> None:
    work = tmp_path / "work"
    shutil.copytree(ran.work, work)

    def again(plan: Plan, terms: Terms = ran.terms) -> int:
        return run_boards(plan, ran.data, work, terms)

    assert again(BOTH) == 0
    assert again(replace(BOTH, retry=True)) == 2  # what failed, on both boards
    ridge = Plan((PRICED,), ("ridge",), seeds=2)
    assert again(ridge) == 1
    assert set(entries(work, "priced")) == {("knn", 0), ("ridge", 0), ("ridge", 1), (BROKEN, 0)}
    # other terms are other figures, and the old ones are not shown beside them
    assert again(replace(ridge, seeds=1), replace(ran.terms, replicates=100)) == 1
    assert set(entries(work, "priced")) == {("ridge", 0)}


def test_the_page_shows_winners_losers_failures_and_what_is_missing(ran: Ran, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    page = write_page(ran.work, docs, (PRICED, PAIR, LATER)).read_text()

    assert "**This is a partial run.**" in page
    assert "board later was not run" in page
    assert "priced: fewer than 3 seeds of knn, ridge" in page
    assert page.count(f"|  | {BROKEN} | failed |") == 2
    assert "| zero | 0.750 " in page
    assert "**AIQ** [95 %]" in page and "**APGR** [95 %]" in page
    assert "routerdc: trains its encoder" in page
    assert "+0.250 [" in page
    for name in ("priced", "pair"):
        assert (docs / "images" / f"leaderboard-{name}.png").read_bytes().startswith(b"\x89PNG")

    figures = json.loads((docs / "leaderboard.json").read_text())
    rows = {(row["board"], row["recipe"]): row for row in figures["rows"]}
    assert len(rows) == 6
    assert rows["priced", "ridge"]["figures"]["gain"]["seeds"] == [0.25]
    assert rows["priced", BROKEN]["errors"]
    assert "board later was not run" in figures["missing"]


def test_a_page_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no run"):
        write_page(tmp_path, tmp_path)


def test_boards_have_names_of_their_own_and_data_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len({board.name for board in BOARDS}) == len(BOARDS)
    assert parsed(["--work", "w", "--only", "pocket,zeroeval"]).only == ("pocket", "zeroeval")
    assert main(["--work", str(tmp_path), "--only", "zeroeval"]) == 2
    assert "--data is missing" in capsys.readouterr().err
    with pytest.raises(ValueError, match="unknown board 'zero'; known: alpacaeval2"):
        main(["--work", str(tmp_path), "--only", "zero"])


@pytest.mark.parametrize("name", ["boards", "columns", "holm", "page"])
def test_examples(name: str) -> None:
    found = doctest.testmod(import_module(f"benchmarks.leaderboard.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
